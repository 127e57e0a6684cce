"""Faults that real toolkits make, in PHP, Node, Java, .NET, C and Python; `explain` names each in its headline.

A toolkit gets a message, or the octets to sign, on standard input. What it writes is sent, or is the signature.
"""

import shutil
import subprocess
from dataclasses import replace

import pytest
from signxml import XMLSigner, methods

from sinetti.diagnostics.explain import diagnose
from sinetti.diagnostics.search import DiagnosisContext
from tests.support import faults
from tests.support.faults import VECTORS, Recipe, document, made

RSA, EC = (str(VECTORS / "keys" / f"holder-{kind}.pem") for kind in ("rsa-2048", "p256"))
CERTIFICATE = str(VECTORS / "certificates" / "holder-rsa-2048.pem")
READ = "$x = stream_get_contents(STDIN);"
NODE = "const c = require('crypto'), fs = require('fs'), x = fs.readFileSync(0);"
JAVA = """import java.io.*; import java.nio.file.*; import java.security.*; import java.security.spec.*;
import java.util.*; import javax.xml.transform.*; import javax.xml.transform.stream.*;
public class Fault { public static void main(String[] a) throws Exception { byte[] x = System.in.readAllBytes(); %s } }
"""
JAVA_KEY = """String pem = Files.readString(Path.of(a[0])).replaceAll("-----.*?-----|\\\\s", "");
PrivateKey k = KeyFactory.getInstance("%s").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
"""
CSHARP = """using System; using System.IO; using System.Xml;
public class Fault { public static void Main() { var d = new XmlDocument(); d.Load(Console.OpenStandardInput());
d.Save(Console.OpenStandardOutput()); } }
"""


def output(command, octets, folder=None):
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    return subprocess.run(command, input=octets, capture_output=True, check=True, cwd=folder, timeout=120).stdout


def php(code, *arguments):
    return lambda octets, _folder: output(["php", "-r", READ + code, "--", *arguments], octets)


def node(code, *arguments):
    return lambda octets, _folder: output(["node", "-e", NODE + code, *arguments], octets)


def java(code, *arguments):
    def run(octets, folder):
        (folder / "Fault.java").write_text(JAVA % code)
        return output(["java", "-XX:TieredStopAtLevel=1", str(folder / "Fault.java"), *arguments], octets)

    return run


def mono(octets, folder):
    (folder / "Fault.cs").write_text(CSHARP)
    output(["mcs", "-r:System.Xml.dll", "-out:Fault.exe", "Fault.cs"], b"", folder)
    return output(["mono", "Fault.exe"], octets, folder)


def openssl(*arguments):
    def run(octets, folder):
        (folder / "octets").write_bytes(octets)
        return output(["openssl", *arguments], b"", folder)

    return run


def sent_by(tool):
    return lambda folder: made(replace(Recipe("", ""), enveloped=lambda octets: tool(octets, folder)))


def signed_by(tool, holder="holder-rsa-2048", **steps):
    return lambda folder: made(replace(Recipe("", "", holder=holder), sign=lambda _, info: tool(info, folder), **steps))


def by_signxml(**options):
    def run(_folder):
        key, certificate = (faults.Path(place).read_bytes() for place in (RSA, CERTIFICATE))
        root = faults.etree.fromstring(faults.bare(document()))
        return faults.etree.tostring(XMLSigner(**options).sign(root, key=key, cert=certificate.decode()))

    return run


def by_xmlsec1(*changes):
    """Let xmlsec1 fill in a template of ours."""

    def run(folder):
        template = faults.written_signature(Recipe("", "", certificate=" "), "", "")
        for old, new in changes:
            template = faults.swap_text(old, new)(template)
        (folder / "template.xml").write_bytes(document().replace(faults.PLACE, template).encode())
        return output(["xmlsec1", "--sign", "--privkey-pem", f"{RSA},{CERTIFICATE}", "template.xml"], b"", folder)

    return run


ENVELOPED = f'<ds:Transform Algorithm="{faults.ENVELOPED}"></ds:Transform>'
FORMAT = "$d = new DOMDocument(); $d->preserveWhiteSpace = false; $d->formatOutput = true; $d->loadXML($x);"
INDENT = """Transformer t = TransformerFactory.newInstance().newTransformer(); t.setOutputProperty("indent", "yes");
t.transform(new StreamSource(new ByteArrayInputStream(x)), new StreamResult(System.out));"""
ECDSA = (
    'Signature s = Signature.getInstance("SHA256withECDSA"); s.initSign(k); s.update(x); System.out.write(s.sign());'
)
NONE = """Signature s = Signature.getInstance("NONEwithRSA"); s.initSign(k);
s.update(MessageDigest.getInstance("SHA-256").digest(x)); System.out.write(s.sign());"""
FLUSH = " System.out.flush();"
CASES = {
    "PHP: DOMDocument with formatOutput": (sent_by(php(f"{FORMAT} echo $d->saveXML();")), "indented-after-signing"),
    "PHP: iconv of a text that is UTF-8": (
        sent_by(php("echo iconv('ISO-8859-1', 'UTF-8', $x);")),
        "characters-garbled",
    ),
    "PHP: htmlspecialchars of an escaped value": (
        sent_by(php("echo str_replace('&amp;', htmlspecialchars('&amp;'), $x);")),
        "entities-escaped-twice",
    ),
    "PHP: openssl_sign without an algorithm": (
        signed_by(php("openssl_sign($x, $s, file_get_contents($argv[1]), 'sha1'); echo $s;", RSA)),
        "signature-by-another-hash",
    ),
    "PHP: openssl_private_encrypt": (
        signed_by(
            php("openssl_private_encrypt(hash('sha256', $x, true), $s, file_get_contents($argv[1])); echo $s;", RSA)
        ),
        "digestinfo-missing",
    ),
    "Node: crypto.sign with an EC key": (
        signed_by(
            node("process.stdout.write(c.sign('sha256', x, fs.readFileSync(process.argv[1])))", EC), "holder-p256"
        ),
        "ecdsa-in-der",
    ),
    "Node: sign to hexadecimal": (
        signed_by(
            node(
                "process.stdout.write(c.createSign('sha256').update(x).sign(fs.readFileSync(process.argv[1]), 'hex'))",
                RSA,
            )
        ),
        "signature-in-hex",
    ),
    "Node: RSA-PSS": (
        signed_by(
            node("process.stdout.write(c.sign('sha256', x, {key: fs.readFileSync(process.argv[1]), padding: 6}))", RSA)
        ),
        "pss-instead-of-pkcs1",
    ),
    "Node: a latin1 string": (
        sent_by(node("process.stdout.write(x.toString('latin1'))")),
        "characters-garbled",
    ),
    "Java: a Transformer that indents": (sent_by(java(INDENT)), "indented-after-signing"),
    "Java: SHA256withECDSA": (
        signed_by(java(JAVA_KEY % "EC" + ECDSA + FLUSH, EC), "holder-p256"),
        "ecdsa-in-der",
    ),
    "Java: NONEwithRSA": (signed_by(java(JAVA_KEY % "RSA" + NONE + FLUSH, RSA)), "digestinfo-missing"),
    ".NET: XmlDocument.Save": (sent_by(mono), "indented-after-signing"),
    "C: openssl cms": (
        signed_by(
            openssl(
                "cms", "-sign", "-in", "octets", "-binary", "-outform", "DER", "-signer", CERTIFICATE, "-inkey", RSA
            )
        ),
        "cms-instead-of-signature",
    ),
    "C: xmlsec1 without the enveloped transform": (by_xmlsec1((ENVELOPED, "")), "enveloped-transform-missing"),
    "Python: signxml as it is": (by_signxml(), "method-not-taken"),
    "Python: signxml, enveloping": (by_signxml(method=methods.enveloping), "object-in-signature"),
}


@pytest.mark.parametrize(("make", "fault"), CASES.values(), ids=CASES)
def test_explain_names_what_the_toolkit_did(make, fault, tmp_path):
    assert diagnose(make(tmp_path), DiagnosisContext()).guesses[0] == fault
