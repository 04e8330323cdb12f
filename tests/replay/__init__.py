"""The services that connectors ask, replayed on this machine: each checks what it is asked, as the real one does.

What is real in their answers and what is made in their form is told by each module: ``cube`` (SIDRA, aggregates),
``treasury`` (CKAN, Siconfi), ``others`` (Ipeadata, TabNet, Programa Cidades Sustentáveis, places). ``spoil`` puts one
of the faults of ``tests.faulty`` in a service's place. ``python -m tests.replay --port N`` serves until it is stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.faulty import Answer, Behaviour, Call, Faulty, Status
from tests.replay import others
from tests.replay.cube import Ibge, cubes
from tests.replay.others import Cities, Series
from tests.replay.treasury import Accounts, Catalogue

OFFICIAL = {
    "/apisidra": "https://apisidra.ibge.gov.br",
    "/servicodados": "https://servicodados.ibge.gov.br",
    "/tesouro": "https://www.tesourotransparente.gov.br",
    "/datalake": "https://apidatalake.tesouro.gov.br",
    "/ipeadata": "https://www.ipeadata.gov.br",
    "/tabnet": "http://tabnet.datasus.gov.br",
    "/cidades": "https://www.cidadessustentaveis.org.br",
}


class Replay:
    """All services on one port, each below its own first step of the path; the parts may be changed while it serves."""

    def __init__(self, port: int = 0) -> None:
        self.ibge = Ibge(cubes())
        self.catalogue = Catalogue()
        self.accounts = Accounts()
        self.series = Series()
        self.cities = Cities()
        self._spoiled: dict[str, Behaviour] = {}
        self._server = Faulty(unknown=self._answer, port=port)
        self.url = self._server.url
        self.calls = self._server.calls

    @property
    def mirrors(self) -> str:
        """Return what ``OBSERVATUDO_MIRRORS`` has to be."""
        return " ".join(f"{official}={self.url}{step}" for step, official in OFFICIAL.items())

    def spoil(self, service: str, how: Callable[[Behaviour], Behaviour]) -> None:
        """Put ``how(the real behaviour)`` in place of a service, named by its step in ``OFFICIAL``."""
        self._spoiled[service] = how(self._well)

    def mend(self) -> None:
        """Take all faults away."""
        self._spoiled.clear()

    def _answer(self, call: Call) -> Answer:
        return self._spoiled.get(_service(call), self._well)(call)

    def _well(self, call: Call) -> Answer:
        match _service(call):
            case "/apisidra":
                return self.ibge.values(_below(call))
            case "/servicodados" if "/localidades" in call.path and "/agregados/" not in call.path:
                return others.places(call)
            case "/servicodados":
                return self.ibge.aggregates(call)
            case "/tesouro":
                return self.catalogue(call)
            case "/datalake":
                return self.accounts(call)
            case "/ipeadata":
                return self.series(call)
            case "/tabnet":
                return others.tabnet(call)
            case "/cidades":
                return self.cities(call)
        return Status(404)(call)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.__exit__(kind, error, trace)


def _service(call: Call) -> str:
    return "/" + call.path.lstrip("/").partition("/")[0]


def _below(call: Call) -> Call:
    return Call(call.method, call.target.removeprefix(_service(call)), call.headers, call.body)
