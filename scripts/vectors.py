"""Makes tests/vectors/: keys, certificates, messages and their expected outcomes.

    python scripts/vectors.py

docs/integrators/vectors.md describes them. Keys in the folder are kept. Everything else is made from them, and is the
same each time, octet for octet.
"""

import json
from datetime import timedelta

from vector_maker import answers, authority, book, requests
from vector_maker.book import Book, Party

from sinetti.domain.values import KeyType
from sinetti.pki.encoding import serial_hex

INDEX = book.FOLDER / "vectors.json"
ABOUT = (
    "Test vectors of the certificate service; docs/integrators/vectors.md describes them. The private keys in here are "
    "published: they are worth nothing, and no program may trust anything made with them."
)


def made() -> dict[str, bytes]:
    """Make every file, by its path in the folder."""
    pages = Book()
    house = authority.found(pages.keys, book.MADE)
    book.authorities(pages, house)
    people = book.parties(pages, house)
    services = answers.services(pages, house, people)
    key = pages.key("stranger-p256", book.new_key(KeyType.EC_P256))
    like = people["p256"]
    made_up = Party("stranger", key, authority.stranger(key, like.certificate), like.csr, "stranger-p256")
    requests.broken_signatures(pages, people)
    requests.refusals(pages, people, made_up, services)
    requests.plain_requests(pages)
    requests.renewals(pages, people)
    requests.spent(pages, people)
    answers.answers(pages, people)
    answers.disbelieved(pages, people)
    answers.deliveries(pages, people)
    answers.status(pages, house, people)
    index = {"about": ABOUT, "register": register(people), "vectors": pages.vectors}
    return {**pages.files, INDEX.name: f"{json.dumps(index, indent=1, ensure_ascii=False)}\n".encode()}


def register(people: dict[str, Party]) -> dict[str, object]:
    """Return the data that a service must have before the first request."""
    certificates = [
        {
            "certificate": f"certificates/holder-{name}.pem",
            "serial": serial_hex(party.certificate.serial_number),
            "retrieval_id": book.retrieval_id(name),
            "fetched": book.instant(book.RENEWED if name == book.SUCCESSOR else book.MADE),
            "renews": "certificates/holder-renewed-p256.pem" if name == book.SUCCESSOR else None,
            "revoked": book.instant(book.REVOKED_AT) if name.startswith("revoked") else None,
        }
        for name, party in people.items()
    ]
    lapse = book.ORDERED + timedelta(days=14)
    orders = [
        {**book.transfer_ids(name), "ordered": book.instant(book.ORDERED), "lapse": book.instant(lapse)}
        for name in book.KINDS
    ]
    customer = {"customer_id": book.CUSTOMER[0], "customer_name": book.CUSTOMER[1]}
    return {"environment": "TEST", **customer, "certificates": certificates, "orders": orders}


def main() -> None:
    """Write the folder, and remove files to which no vector refers."""
    files = made()
    for place, octets in files.items():
        path = book.FOLDER / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(octets)
    for path in book.FOLDER.rglob("*"):
        # The corpus in faults/ is made by tests/support/faults.py.
        if path.is_file() and path.parent.name != "faults" and path.relative_to(book.FOLDER).as_posix() not in files:
            path.unlink()
    print(f"{len(files)} files, {sum(map(len, files.values())) / 1000:.0f} kB in {book.FOLDER}")


if __name__ == "__main__":
    main()
