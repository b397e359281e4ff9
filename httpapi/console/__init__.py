"""The web console: server-rendered pages for the people at the desk.

Everything a page reads or changes goes through :class:`~httpapi.console.rest.Rest`, that is, through the REST API's own
declarations, validation and tenancy, in process. A page never touches a table by itself.
"""
