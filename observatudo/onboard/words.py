"""What the words of Brazilian headers say: roles of columns, units, months, marks of missing values."""

from __future__ import annotations

import re
from typing import Final

from observatudo.classify.text import fold

YEAR: Final = r"(?:19|20)\d{2}"
# texts that stand where a number is not there, as they were found in published files; compared as folded texts
_MARKS: Final = """
    - -- --- – — . .. ... * ** *** x xx na n/a n.a. n.a nan null none nil nd n/d n.d. n.d s/d sd s.d. s/i si s.i. s/r ?
    #n/d #n/a #div/0! #ref! #valor! #value! #num! #nome? #name? #nulo! #null! (nulo) (null) <na>
"""
_WORDS: Final = """
    sem informacao,sem dados,sem dado,sem registro,nao informado,nao informada,nao disponivel,nao se aplica,nao possui,
    ignorado,indisponivel,em branco,nao apurado,sem declaracao,n disp.
"""
MISSING: Final = frozenset(_MARKS.split()) | {word.strip() for word in _WORDS.split(",")}
REASONS: Final = {
    "n.d.": "não disponível",
    "n.d": "não disponível",
    "nd": "não disponível",
    "#n/d": "não disponível",
    "...": "não disponível",
    "..": "não se aplica",
    "x": "omitido para não identificar o informante",
    "#div/0!": "erro na planilha: divisão por zero",
    "#n/a": "erro na planilha: valor não encontrado",
    "#num!": "erro na planilha: número impossível",
    "#ref!": "erro na planilha: referência perdida",
    "#valor!": "erro na planilha: valor de outro tipo",
    "#value!": "erro na planilha: valor de outro tipo",
}
MONTHS: Final = (
    *("janeiro", "fevereiro", "marco", "abril", "maio", "junho"),
    *("julho", "agosto", "setembro", "outubro", "novembro", "dezembro"),
)
_MONTH: Final = {name: n for n, long in enumerate(MONTHS, start=1) for name in (long, long[:3])}

_YEAR_HEADER = re.compile(r"(^|\W)(ano|year|exercicio|anobase|ano_base|vigencia|edicao|safra|nu_ano\w*|an_\w+)($|\W|_)")
_MONTH_HEADER = re.compile(r"(^|[\W_])(mes|month|nu_mes)($|[\W_])")
_DATE_HEADER = re.compile(r"data|date|\bdt_|^dt|competencia|periodo|referencia|mes_?ano|ano_?mes|^mes$|anomes")
_PLACE_CODE = re.compile(r"ibge|mun|cod|localidade|territ|geo|\bid\b|^d1c$|ente")
_PLACE_NAME = re.compile(r"mun|cidade|city|localidade|nome|ente|instituicao|prefeitura|territ|town|descri")
_STATE = re.compile(r"(^|[\W_])(uf|estado|state|sigla|unidade da federacao|sg|sigla_uf|sg_uf|uf_sigla)($|[\W_])|uf")
_IDENTITY = re.compile(
    r"(^|[\W_])(id|cod|codigo|co|cd|cnpj|cpf|cep|siafi|ddd|telefone|fone|ibge|geocodigo|latitude|longitude|lat|lon|long"
    r"|lng|siconfi|tse|nu_\w*cep|matricula_\w*|mascara|protocolo|chave|pk|fid|objectid|gid|index|ordem|seq|sequencial"
    r"|numero_?processo|unnamed: \d+|coluna_\d+|rank|ranking|posicao)($|[\W_])"
    r"|^(cod|co_|cd_|id_)|_(id|cod|codigo)$"
)
_DIMENSION = re.compile(
    r"(^|[\W_])(indicador|indicadores|variavel|variaveis|conta|rubrica|serie|categoria|tipo|grupo|faixa|sexo|genero|raca"
    r"|cor|natureza|produto|causa|cid|subfuncao|funcao|estagio|coluna|item|especie|modalidade|classe|crime|delito|etapa"
    r"|dependencia|rede|localizacao|zona|situacao|doenca|agravo|vacina|imuno|cultura|setor|atividade|cnae|metrica"
    r"|indicator|measure|servico|programa|descricao|nome do indicador)($|[\W_])"
)
_INDICATOR = re.compile(
    r"(^|[\W_])(indicador|indicadores|variavel|conta|rubrica|serie|indicator|metrica|sercodigo)($|[\W_])"
)
_VALUE = re.compile(
    r"(^|[\W_])(valor|value|vl|quantidade|qtd|qt|qtde|total|numero|n|medida|resultado|valvalor|v)($|[\W_])"
)
_MONEY = re.compile(
    r"r\$|\breais?\b|valor|receita|despesa|pib\b|vl_|renda|salario|arrecad|custo|preco|imposto|repasse|divida"
)
_RATE = re.compile(r"taxa|indice|percent|proporc|razao|media|densidade|idh|gini|%|coef|nota|per capita|share|rate")
_TOTAL = re.compile(r"^(total|soma|total geral|todos|acumulado|media|variacao.*)$")

_UNITS = (
    (r"r\$\s*mil(?!h)|mil reais|em mil r\$|r\$\s*\(?mil\)?$|r\$\s*1\.?000(?![.\d])|milhares de reais", "real", 1000),
    (r"r\$\s*milh|milh(?:oes|ao) de reais|r\$\s*1\.?000\.?000", "real", 1_000_000),
    (r"r\$\s*bilh|bilh(?:oes|ao) de reais", "real", 1_000_000_000),
    (r"\br\$|\breais\b", "real", 1),
    (r"us\$", "dólar", 1),
    (r"por 100[. ]?000|/ ?100[. ]?mil|por cem mil|p/ 100 mil|por 100 mil", "por 100 mil habitantes", 1),
    (r"por 1[. ]?000|/ ?1[. ]?000|por mil\b", "por mil", 1),
    (r"%|percent|por cento", "%", 1),
    (r"\bhab\b|hab\.|habitante|pessoas", "habitante", 1),
    (r"km2|km²|quilometros? quadrados?", "km²", 1),
    (r"\bha\b|hectare", "hectare", 1),
    (r"toneladas?|\bton\b|\(t\)", "tonelada", 1),
    (r"mil unidades", "unidade", 1000),
    (r"\bkwh\b", "kWh", 1),
    (r"\bmwh\b", "MWh", 1),
    (r"\bm3\b|m³", "m³", 1),
)


def folded(text: str) -> str:
    """Return the text in small letters without accents, blanks around and inside it made one."""
    return " ".join(fold(text).replace("\ufeff", "").split())


def slug(text: str, longest: int = 60) -> str:
    """Return a name made of the text: small letters, digits and ``_``, at most ``longest`` characters."""
    name = re.sub(r"[^a-z0-9]+", "_", folded(text).replace("%", " pct ").replace("º", "o").replace("ª", "a")).strip("_")
    name = name if name[:1].isalpha() else f"c_{name}" if name else "coluna"
    return name[:longest].rstrip("_")


def month(text: str) -> int | None:
    """Return the number of a month written as a word: janeiro, Jan, MARÇO, dez."""
    return _MONTH.get(folded(text).rstrip("."))


def is_missing(text: str) -> bool:
    """Say whether the text is a known mark of a value that is not there."""
    return folded(text) in MISSING


def unit_of(header: str, *, whole: bool) -> tuple[str, int, bool]:
    """Return unit, factor to base units, and whether the header says so; ``whole``: there are no decimals."""
    text = folded(header)
    for pattern, unit, factor in _UNITS:
        if re.search(pattern, text):
            return unit, factor, True
    if _RATE.search(text):
        return ("índice" if re.search("idh|gini|indice", text) else "proporção"), 1, False
    if _MONEY.search(text):
        return "real", 1, False
    return ("unidade", 1, False) if whole else ("a confirmar", 1, False)


def without_unit(header: str) -> str:
    """Return the header as a name for people: without a unit in brackets, underscores as blanks."""
    text = re.sub(
        r"\s*[(\[][^()\[\]]*(R\$|%|hab|km|mil|reais|unid|por )[^()\[\]]*[)\]]\s*", " ", header, flags=re.IGNORECASE
    )
    text = re.sub(r"[_\s]+", " ", text).strip(" -–:;")
    return text or header.strip() or "Valor"


def _says(pattern: re.Pattern[str], header: str) -> bool:
    return pattern.search(folded(header)) is not None


def says_year(header: str) -> bool:
    return _says(_YEAR_HEADER, header) or folded(header).startswith(("ano", "nu_ano"))


def says_month(header: str) -> bool:
    return _says(_MONTH_HEADER, header) or folded(header).startswith("mes")


def says_date(header: str) -> bool:
    return _says(_DATE_HEADER, header)


def says_place_code(header: str) -> bool:
    return _says(_PLACE_CODE, header)


def says_place_name(header: str) -> bool:
    return _says(_PLACE_NAME, header)


def says_state(header: str) -> bool:
    return _says(_STATE, header)


def says_identity(header: str) -> bool:
    return _says(_IDENTITY, header)


def says_dimension(header: str) -> bool:
    return _says(_DIMENSION, header)


def says_indicator(header: str) -> bool:
    return _says(_INDICATOR, header)


def says_value(header: str) -> bool:
    return _says(_VALUE, header)


def says_total(header: str) -> bool:
    return _says(_TOTAL, header)


def says_decimals(header: str) -> bool:
    """Say whether what the header names is no count, so that whole numbers today may have decimals tomorrow."""
    return _says(_MONEY, header) or _says(_RATE, header)
