"""What a person sees who opens the service's address in a browser: what it is, and where its description is."""

from html import escape

from sinetti.domain.values import Environment, Language
from sinetti.i18n.translate import translate

_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{what}</p>
<p>{environment} {meaning}</p>
<p>{looking}</p>
<ul>
<li><a href="?wsdl">{wsdl}</a></li>
</ul>
<p>{independent}</p>
</main>
</body>
</html>
"""


def welcome(environment: Environment, address: str, language: Language | None) -> bytes:
    """The page, in a stranger's language."""
    chosen = language or Language.EN
    values = {
        "title": translate("Certificate service (Sinetti)", chosen),
        "what": translate(
            "Programs send their requests here with POST (SOAP 1.1): a new certificate is signed, fetched and renewed "
            "at {address}.",
            chosen,
            address=address,
        ),
        "environment": translate("Environment: {environment}.", chosen, environment=environment.value),
        "meaning": translate(
            "Certificates from here are for rehearsal; they are not accepted in production."
            if environment is Environment.TEST
            else "Certificates from here are for real use.",
            chosen,
        ),
        "looking": translate(
            "Looking for your organisation's certificate? Ask your software supplier or your technical contact person.",
            chosen,
        ),
        "wsdl": translate("Description of the interface (WSDL)", chosen),
        "independent": translate(
            "Sinetti is independent work: no authority's product, no electronic seal and no qualified trust service in "
            "the sense of eIDAS.",
            chosen,
        ),
    }
    escaped = {name: escape(value) for name, value in values.items()}
    return _PAGE.format(language=chosen.value, **escaped).encode()
