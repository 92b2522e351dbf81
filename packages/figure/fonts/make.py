"""Makes the fonts of this folder: the characters that a figure can need, cut out of Noto Sans CJK, Noto Serif and Noto
Sans Math, so that a picture has the same pixels on every machine, also where no font is installed.

    apt install python3-fonttools fonts-noto-cjk fonts-noto-core && python3 make.py
"""
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTCollection, TTFont
from fontTools.ttLib.tables._g_l_y_f import Glyph

HERE = Path(__file__).parent
CJK = Path("/usr/share/fonts/opentype/noto")
NOTO = Path("/usr/share/fonts/truetype/noto")

LATIN = [chr(c) for c in range(0x20, 0x7F)] + list("\u00a0\u2003°²³·×÷–—‘’“”…′")
GREEK = list("ΔΣΩαβγδθλμπστφω")
SIGNS = list("←↑→↓⇒−√∞∫∑∂≈≠≤≥∇")
FEW_HAVE = list("⋆∗⌊⌋⟨⟩⊤")
# The 2,350 syllables of KS X 1001, single letters, and the punctuation beside them.
KOREAN = [bytes([hi, lo]).decode("euc_kr") for hi in range(0xB0, 0xC9) for lo in range(0xA1, 0xFF)]
KOREAN += [chr(c) for c in range(0x3131, 0x3164)] + list("、。「」『』")


def cut(font, characters):
    options = subset.Options(
        layout_features=["kern", "tnum", "lnum"],
        hinting=False,
        notdef_outline=True,
        name_IDs=[0, 1, 2, 3, 4, 5, 6, 13, 14],
        name_languages=[0x409],
    )
    cutter = subset.Subsetter(options)
    cutter.populate(text="".join(characters))
    cutter.subset(font)
    return font


def complete(font, math, characters):
    """Gives an italic font what it lacks of `characters`: signs from `math`, all else as blanks.

    resvg sets a whole line in another font if the one of any part of it lacks any character of the line. So the font of
    the variables has a place for Korean, which other parts of a line are written in, and which it never draws.
    """
    glyphs, widths, signs = font["glyf"], font["hmtx"], math.getBestCmap()
    order = font.getGlyphOrder() + ["blank"]
    glyphs["blank"], widths["blank"] = Glyph(), (1000, 0)
    for code in (ord(c) for c in characters if ord(c) not in font.getBestCmap()):
        name = "blank"
        if code in signs:
            name = f"math{code:04X}"
            order.append(name)
            glyphs[name], widths[name] = math["glyf"][signs[code]], math["hmtx"][signs[code]]
        for table in font["cmap"].tables:
            table.cmap[code] = name
    font.setGlyphOrder(order)
    font["maxp"].numGlyphs = len(order)


for weight in ["Regular", "Bold"]:
    fonts = TTCollection(f"{CJK}/NotoSansCJK-{weight}.ttc").fonts
    kr = next(f for f in fonts if f["name"].getDebugName(1).startswith("Noto Sans CJK KR"))
    cut(kr, LATIN + GREEK + SIGNS + KOREAN).save(HERE / f"NotoSansCJKkr-{weight}.otf")
math = cut(TTFont(f"{NOTO}/NotoSansMath-Regular.ttf"), SIGNS)
for style in ["Italic", "BoldItalic"]:
    font = cut(TTFont(f"{NOTO}/NotoSerif-{style}.ttf"), LATIN + GREEK)
    complete(font, math, LATIN + GREEK + SIGNS + KOREAN)
    font.save(HERE / f"NotoSerif-{style}.ttf")
# Only what the others lack: were there letters in it, whole lines would be set in it.
cut(TTFont(f"{NOTO}/NotoSansMath-Regular.ttf"), FEW_HAVE).save(HERE / "NotoSansMath-Regular.ttf")
