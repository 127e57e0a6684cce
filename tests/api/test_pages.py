"""Pages at the service's address: for people, for programs, and absent ones."""

import pytest
from lxml import etree, html

from sinetti.api.soap import PATH, welcome
from sinetti.domain.values import Environment, Language
from tests.api.counter import ADDRESS

WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
XSD = "{http://www.w3.org/2001/XMLSchema}"
LANGUAGES = {
    "Finnish": ("fi-FI,fi;q=0.9,en;q=0.5", "fi", "Varmennepalvelu"),
    "Swedish": ("sv", "sv", "Certifikattjänst"),
    "English": ("en-GB", "en", "Certificate service"),
    "a stranger's": ("de", "en", "Certificate service"),
    "none": (None, "en", "Certificate service"),
}


@pytest.mark.parametrize(("header", "language", "title"), LANGUAGES.values(), ids=LANGUAGES)
def test_the_page_in_a_strangers_language(header, language, title, counter):
    reply = counter.get(language=header)
    page = html.fromstring(reply.body.decode())
    assert reply.status == 200
    assert reply.content_type == "text/html; charset=utf-8"
    assert page.get("lang") == language
    assert title in (page.findtext(".//title") or "")
    assert [link.get("href") for link in page.iter("a")] == ["?wsdl"]
    assert ADDRESS in page.text_content()
    assert "TEST" in page.text_content()


def test_the_page_says_the_same_in_three_tongues(counter):
    texts = {language: html.fromstring(counter.get(language=language).body.decode()) for language in ("fi", "sv", "en")}
    sentences = [[part.text for part in page.iter("p", "h1", "a")] for page in texts.values()]
    for told in zip(*sentences, strict=True):
        assert len(set(told)) == 3 or told[0] == told[1] == told[2], told


def test_the_page_says_what_the_environment_means():
    rehearsal, real = (
        html.fromstring(welcome(one, ADDRESS, Language.EN).decode()).text_content()
        for one in (Environment.TEST, Environment.PRODUCTION)
    )
    assert "Environment: TEST. Certificates from this service are for testing" in rehearsal
    assert "Environment: PRODUCTION. Certificates from this service are for production use." in real
    assert "ask your software supplier" in rehearsal


@pytest.mark.parametrize("language", Language)
def test_the_page_links_to_the_documentation(language):
    page = html.fromstring(welcome(Environment.TEST, ADDRESS, language, "https://docs.example/a&b/").decode())
    wsdl, documentation = page.iter("a")
    assert (wsdl.get("href"), documentation.get("href")) == ("?wsdl", "https://docs.example/a&b/")
    assert documentation.text in {"Dokumentaatio", "Dokumentation", "Documentation"}


@pytest.mark.parametrize("query", ["wsdl", "WSDL", "Wsdl", "wsdl=1", "WSDL=", "x=y&wsdl"])
def test_the_wsdl(query, counter):
    reply = counter.get(query)
    assert (reply.status, reply.content_type) == (200, "text/xml; charset=utf-8")
    root = etree.fromstring(reply.body)
    assert root.tag == f"{WSDL}definitions"
    (address,) = root.iter("{http://schemas.xmlsoap.org/wsdl/soap/}address")
    assert address.get("location") == ADDRESS
    names = {
        kind: [one.get("name") for one in root.findall(f"{WSDL}{kind}")] for kind in ("service", "portType", "binding")
    }
    assert names == {
        "service": ["CertificateServices"],
        "portType": ["CertificateServicesPortType"],
        "binding": ["CertificateServicesSoap"],
    }
    actions = [one.get("soapAction") for one in root.iter("{http://schemas.xmlsoap.org/wsdl/soap/}operation")]
    assert actions == ["signNewCertificate", "renewCertificate", "getCertificate"]


def test_every_schema_that_is_imported_is_served(counter):
    waiting, seen = [counter.get("wsdl").body], set()
    while waiting:
        for imported in etree.fromstring(waiting.pop()).iter(f"{XSD}import"):
            location = imported.get("schemaLocation") or ""
            # A query alone is resolved against the folder by java.net.URL, so by every Java program (RFC 2396, 5.2).
            path, _, query = location.partition("?")
            assert path == PATH
            if location not in seen:
                seen.add(location)
                reply = counter.get(query)
                assert (reply.status, reply.content_type) == (200, "text/xml; charset=utf-8")
                assert etree.fromstring(reply.body).get("targetNamespace") == imported.get("namespace")
                waiting.append(reply.body)
    assert len(seen) == 2


@pytest.mark.parametrize(
    "name",
    ["", "x", "certificate-services.wsdl", "../soap.py", "%2e%2e%2fsoap.py", "/etc/passwd", "xml-signature.xsd%00"],
)
def test_no_other_file_is_a_schema(name, counter):
    assert counter.get(f"xsd={name}").status == 404


PATHS = {
    "the door": (PATH, 200),
    "with a slash": (f"{PATH}/", 200),
    "the root": ("/", 404),
    "the bench's address of the real one": ("/DEV/2017/10/CertificateServices", 404),
    "another case": (PATH.lower(), 404),
    "another year": ("/2018/10/CertificateServices", 404),
    "a way around": ("/2017/10/../10/CertificateServices", 404),
    "more behind": (f"{PATH}/x", 404),
    "none": ("", 404),
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("path", "status"), PATHS.values(), ids=PATHS)
def test_paths(path, status, method, counter):
    assert counter.get(path=path, method=method).status == status


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"])
def test_other_methods(method, counter):
    reply = counter.get(method=method)
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD, POST")
