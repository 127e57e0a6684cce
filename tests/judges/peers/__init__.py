"""The peers: small programs on other people's libraries, each in a folder of its own, that speak to the service.

Each is the example of its language in docs/integrators.md, too. `NAME/run enrol|renew|versions …` is what they share:

    run enrol FOLDER URL CUSTOMER_ID TRANSFER_ID TRANSFER_PASSWORD KEY
    run renew FOLDER URL CUSTOMER_ID KEY RECIPE
    run versions

FOLDER holds `server.pem` and `services.pem` before, and `key.pem`, `certificate.pem`, `next-key.pem`,
`next-certificate.pem` and `messages/NN-request.xml`, `NN-response.xml` after. A command that is given again goes on
where the last one ended: with the key that is there (Java's has its public half in `key.pub`), and with the retrieval
id, which is in `retrieval-id` or `next-retrieval-id` until the certificate has come. A peer ends with 0 when all is
done, with 1 when the service refused, with 2 when it does not believe an answer, with 3 for anything else.
"""

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
KEYS = ("rsa-2048", "rsa-3072", "p256", "p384")
RECIPES = ("exclusive", "inclusive")
DONE, REFUSED, UNBELIEVED, ANYTHING_ELSE = range(4)


@dataclass(frozen=True, slots=True)
class Peer:
    """A program: its folder's name, what it stands on, and the keys that this can sign with; `why_not` the others."""

    name: str
    stands_on: str
    keys: tuple[str, ...] = KEYS
    why_not: str = ""

    @property
    def run(self) -> str:
        """Where it is started."""
        return str(HERE / self.name / "run")


PEERS: tuple[Peer, ...] = (
    Peer("java", "Java, the JDK alone: java.net.http, javax.xml.crypto.dsig"),
    Peer("jaxws", "Java, JAX-WS RI from our WSDL"),
    Peer("mono", "C# on mono: SignedXml", keys=("rsa-2048", "rsa-3072"), why_not="mono makes no EC keys"),
    Peer("node", "Node: soap from our WSDL, xml-crypto"),
    Peer("php", "PHP: SoapClient from our WSDL, DOM, openssl"),
    Peer("zeep", "Python: zeep from our WSDL, signxml"),
    Peer("requests", "Python: requests, lxml, cryptography"),
)
