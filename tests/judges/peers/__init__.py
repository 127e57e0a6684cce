"""Peers: small programs on independent libraries that call the service.

Each has its own folder and is the example of its language in docs/integrators/integrators.md. They share the commands
`NAME/run enrol|renew|versions …`:

    run enrol FOLDER URL CUSTOMER_ID TRANSFER_ID TRANSFER_PASSWORD KEY
    run renew FOLDER URL CUSTOMER_ID KEY RECIPE
    run versions

FOLDER holds `server.pem` and `services.pem` before, and `key.pem`, `certificate.pem`, `next-key.pem`,
`next-certificate.pem` and `messages/NN-request.xml`, `NN-response.xml` after. A repeated command continues
where the last one ended. It uses the existing key (Java's has its public half in `key.pub`) and the retrieval id,
which is in `retrieval-id` or `next-retrieval-id` until the certificate has come. The exit code of a peer is 0 on
success, 1 if the service refused, 2 if the peer does not trust an answer, 3 for anything else.
"""

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
KEYS = ("rsa-2048", "rsa-3072", "p256", "p384")
RECIPES = ("exclusive", "inclusive")
DONE, REFUSED, UNBELIEVED, ANYTHING_ELSE = range(4)


@dataclass(frozen=True, slots=True)
class Peer:
    """A program: its folder's name, its base and the keys that it can sign with.

    `why_not` is the reason why it cannot sign with the other keys.
    """

    name: str
    stands_on: str
    keys: tuple[str, ...] = KEYS
    why_not: str = ""

    @property
    def run(self) -> str:
        """Path of the program that starts the peer."""
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
