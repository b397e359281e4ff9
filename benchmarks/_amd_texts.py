"""What people and machines say when a telephone is answered: our own words, for the voices that are rendered.

Per language: words of a person at home, sentences of a person at work, and greetings of machines, whose parts are
spoken with pauses between them.
"""

HOME, WORK, MACHINE = 0, 1, 2

TEXTS: dict[str, tuple[list[str], list[str], list[list[str]]]] = {
    "en": (
        ["Hello?", "Hello, Anna speaking.", "Yes?", "Yes, hello.", "Miller.", "Who is this?"],
        [
            "Doctor Miller's office, good morning, this is Ann.",
            "Green Garden Hotel, Peter speaking.",
            "Good afternoon, service desk, how can I help you?",
        ],
        [
            ["Hi, this is Bob.", "I can't come to the phone right now.", "Please leave a message after the tone."],
            [
                "You have reached the voicemail of",
                "five five five, two one three.",
                "Nobody is here to take your call.",
            ],
            ["Hello, you've reached the Smith family.", "Leave your name and number, and we will call you back."],
            ["The person you are calling is not available.", "Please try again later, or record your message."],
        ],
    ),
    "de": (
        ["Hallo?", "Ja, hallo?", "Schneider.", "Ja bitte?", "Hier ist Katharina Vogel."],
        [
            "Praxis Doktor Lehmann, guten Morgen, Sie sprechen mit Frau Krause.",
            "Autohaus Berger, mein Name ist Wolf.",
            "Gemeinde Neustadt, guten Tag.",
        ],
        [
            ["Guten Tag.", "Sie sind verbunden mit dem Anschluss von Familie Schneider.", "Wir sind gerade nicht da."],
            ["Der gewünschte Teilnehmer ist zurzeit nicht erreichbar.", "Bitte sprechen Sie nach dem Signalton."],
            ["Hier ist die Mailbox von Jonas.", "Nachrichten bitte nach dem Ton.", "Ich rufe dann zurück."],
        ],
    ),
    "fr": (
        ["Allô ?", "Oui, allô ?", "Oui, bonjour.", "Martin à l'appareil."],
        ["Cabinet du docteur Petit, bonjour.", "Garage du Centre, bonjour, Sophie à votre écoute."],
        [
            ["Bonjour, vous êtes bien chez Paul et Marie.", "Nous ne sommes pas là.", "Laissez-nous un message."],
            ["Votre correspondant n'est pas disponible pour le moment.", "Parlez après le signal sonore."],
        ],
    ),
    "pl": (
        ["Halo?", "Tak, słucham?", "Słucham.", "Dzień dobry."],
        ["Przychodnia Zdrowie, dzień dobry, w czym mogę pomóc?", "Recepcja, słucham."],
        [
            ["Dzień dobry, tu poczta głosowa.", "Abonent nie może teraz rozmawiać.", "Zostaw wiadomość po sygnale."],
            ["Nie ma mnie w domu.", "Proszę zostawić imię i numer telefonu, oddzwonię jutro."],
        ],
    ),
    "cs": (
        ["Haló?", "Prosím?", "Ano, tady Novák."],
        ["Ordinace doktorky Malé, dobrý den.", "Dobrý den, knihovna, u telefonu Jana."],
        [["Dobrý den, dovolali jste se do hlasové schránky.", "Po zaznění tónu zanechte vzkaz.", "Děkujeme."]],
    ),
    "es": (
        ["¿Hola?", "¿Sí?", "¿Diga?", "Sí, ¿quién es?", "¿Bueno?"],
        ["Consulta del doctor García, buenos días, le atiende Carmen.", "Hotel del Sol, dígame."],
        [
            ["Hola, soy Carlos.", "Ahora no puedo contestar.", "Deja tu mensaje después de la señal."],
            ["Este es el buzón de voz del número", "seis, cero, dos, cuatro.", "Grabe su mensaje, por favor."],
        ],
    ),
    "it": (
        ["Pronto?", "Sì, pronto?", "Pronto, chi parla?", "Sono Giulia."],
        ["Studio medico Rossi, buongiorno, sono Paola.", "Farmacia centrale, buonasera."],
        [
            ["Ciao, sono Marco.", "In questo momento non posso rispondere.", "Lasciate un messaggio dopo il segnale."],
            ["Segreteria telefonica della famiglia Bianchi.", "Siamo fuori casa.", "Vi richiameremo al più presto."],
        ],
    ),
    "nl": (
        ["Hallo?", "Met Jansen.", "Ja, hallo?", "Met Sanne de Vries."],
        ["Tandartspraktijk De Linden, goedemorgen, u spreekt met Eva.", "Bakkerij van Dam, goedemiddag."],
        [
            ["Hallo, dit is de voicemail van Sanne.", "Ik ben er even niet.", "Spreek een bericht in na de piep."],
            ["Degene die u belt is niet bereikbaar.", "Laat uw naam en nummer achter."],
        ],
    ),
    "sv": (
        ["Hallå?", "Ja, det är Lars.", "Hej.", "Svensson."],
        ["Vårdcentralen Norr, god morgon, du talar med Karin.", "Bokhandeln, hej."],
        [["Hej, du har kommit till Lars.", "Jag kan inte svara just nu.", "Tala in ett meddelande efter tonen."]],
    ),
    "pt": (
        ["Alô?", "Está lá?", "Sim, diga.", "Olá, bom dia."],
        ["Clínica Santa Maria, bom dia, fala a Teresa.", "Oficina do Porto, boa tarde."],
        [["Olá, ligou para o João.", "Neste momento não posso atender.", "Deixe a sua mensagem após o sinal."]],
    ),
    "tr": (
        ["Alo?", "Efendim?", "Buyurun.", "Evet?"],
        ["Yıldız Kliniği, günaydın, ben Elif.", "Merhaba, danışma, buyurun."],
        [["Aradığınız kişiye şu anda ulaşılamıyor.", "Lütfen sinyal sesinden sonra mesajınızı bırakın."]],
    ),
    "fi": (
        ["Haloo?", "Virtanen.", "No hei.", "Matti puhelimessa."],
        ["Terveysasema, huomenta, Liisa puhelimessa.", "Autokorjaamo Nieminen, kuinka voin auttaa?"],
        [
            ["Hei, soitit Matille.", "En voi nyt vastata.", "Jätä viesti äänimerkin jälkeen."],
            ["Tavoittelemaanne henkilöön ei juuri nyt saada yhteyttä.", "Yrittäkää myöhemmin uudelleen."],
        ],
    ),
    "da": (
        ["Hallo?", "Ja?", "Det er Mette.", "Jensen."],
        ["Lægehuset, godmorgen, du taler med Anne.", "Cykelbutikken, goddag."],
        [
            ["Hej, du har ringt til Mette.", "Jeg kan ikke tage telefonen lige nu.", "Læg en besked efter tonen."],
            ["Den person du ringer til kan ikke træffes.", "Prøv igen senere, eller indtal en besked."],
        ],
    ),
    "hu": (
        ["Halló?", "Tessék?", "Igen, Kovács.", "Jó napot."],
        ["Orvosi rendelő, jó reggelt, Éva vagyok.", "Virágbolt, tessék parancsolni."],
        [
            [
                "Üdvözlöm, Kovács Péter hangpostája.",
                "Most nem tudom felvenni.",
                "Kérem, hagyjon üzenetet a sípszó után.",
            ],
            ["A hívott szám jelenleg nem elérhető.", "Kérjük, hívja később."],
        ],
    ),
    "ro": (
        ["Alo?", "Da?", "Da, vă rog.", "Popescu la telefon."],
        ["Cabinetul doctorului Ionescu, bună ziua.", "Hotelul Central, recepția, cu ce vă pot ajuta?"],
        [
            ["Bună, ai sunat la Andrei.", "Nu pot răspunde acum.", "Lasă un mesaj după semnal."],
            ["Abonatul apelat nu este disponibil.", "Vă rugăm să reveniți mai târziu."],
        ],
    ),
}

FIT_LANGUAGES = ("en", "de", "fr", "pl", "cs")
REPORT_LANGUAGES = ("es", "it", "nl", "sv", "pt", "tr")
HOLDOUT_LANGUAGES = ("fi", "da", "hu", "ro")  # benchmarks/_amd_holdout.py
