"""Names of the two sides of parallel files: languages, or what is read and what is said."""

from __future__ import annotations

import re

ROLES = {
    "src": 0, "source": 0, "input": 0, "question": 0,
    "tgt": 1, "trg": 1, "target": 1, "output": 1, "answer": 1,
}  # fmt: skip
_ISO = """
aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy
da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu
hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb
lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om
or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw
ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
"""
_THREE = """
eng deu ger fra fre spa ita por nld dut rus zho chi jpn kor ara hin tur pol ces cze swe dan
nor fin hun ron rum ell gre heb vie tha ind ukr bul hrv srp slk slo slv lit lav est cat eus
glg isl gle cym mlt lat epo ben tam tel mar urd fas per swa hau yor ibo amh som zul xho afr
kat hye arm kaz uzb mon khm lao mya bur nep sin tgl fil msa may jav
"""
ISO = frozenset(_ISO.split())  # ISO 639-1
THREE = frozenset(_THREE.split())  # of ISO 639-2 and 639-3, those of common corpora
_CODE = re.compile(r"^([a-z]{2,3})(?:[-_][A-Za-z]{2,4})?$")


def is_side(word: str) -> bool:
    """Whether a word names a side: ``en``, ``pt-BR``, ``deu_Latn``, ``src``."""
    if word.lower() in ROLES:
        return True
    match = _CODE.match(word)
    return match is not None and (match[1] in ISO or match[1] in THREE)


def in_order(sides: list[str]) -> list[str]:
    """What is read first: by the names of roles, English before others, else by name."""
    return sorted(sides, key=lambda s: (ROLES.get(s.lower(), 0), not s.lower().startswith("en"), s))
