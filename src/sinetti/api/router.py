"""Router of /api/v1/, for gateways and for the programs of holders."""

from collections.abc import Callable

from sinetti.api import ca_certificates, renewal_info
from sinetti.api.ca_certificates import CaCertificatesEndpoint
from sinetti.api.publication import TRUST_API, PublicationEndpoint
from sinetti.api.renewal_info import RenewalInfoEndpoint
from sinetti.api.revocations import RevocationsEndpoint
from sinetti.api.usage_reports import UsageReportsEndpoint
from sinetti.pki.trust_lists.lists import TrustListKind
from sinetti.server.http import Request, Response
from sinetti.services.context import ServiceContext
from sinetti.wire.json_api import revocations, usage_reports

Door = Callable[[Request], Response]

_TRUST_LISTS = frozenset(f"{TRUST_API}{kind.value}" for kind in TrustListKind)


def mount_api(door: Door, ctx: ServiceContext, admits: Callable[[bytes], bool] = lambda _signer: True) -> Door:
    """Return a handler for the paths of `/api/v1/`; it passes other paths to `door`.

    `admits` gets the DER of a proven signer and returns whether its rate limit allows one more call.
    """
    exact: dict[str, Door] = {
        ca_certificates.PATH: CaCertificatesEndpoint(ctx),
        usage_reports.PATH: UsageReportsEndpoint(ctx),
        revocations.PATH: RevocationsEndpoint(ctx, admits),
    }
    hints, published = RenewalInfoEndpoint(ctx), PublicationEndpoint(ctx)

    def answer(request: Request) -> Response:
        if request.path in _TRUST_LISTS:
            return published.trust_list(request)
        if request.path.startswith(f"{renewal_info.PATH}/"):
            return hints(request)
        return exact.get(request.path, door)(request)

    return answer
