#!/usr/bin/env python3
"""Writes what LlamaGen's own prompt cleaning makes of a page of nasty input
(clean_nasty.json) and of the captions (clean_captions.txt.gz).

Usage: clean.py LlamaGen/language/t5.py [PROMPTS ...]

The official function is loaded from the file given, which needs ftfy and
beautifulsoup4 (the golden files were made with Python 3.11.2, ftfy 6.3.1 and
beautifulsoup4 4.15.0); torch and transformers are not needed. Each PROMPTS is
a text file, one prompt a line (of a .tsv the first column, after a header):
for each, clean_NAME.json.gz with pairs of a prompt and the official output is
written to the working folder. Put into testdata it becomes part of the tests.
"""
import gzip
import json
import os
import sys
import types
import warnings

import ftfy

FOLDER = os.path.dirname(os.path.abspath(__file__))

# What each line is about, and the lines. A page of its own: none comes from a
# data set. Lines under "mojibake" are those that Clean does not repair.
NASTY = {
    "url escapes": [
        "a%20cat", "a+cat+on+a+mat", "100%", "100%25", "%zz%4", "%C3%A9t%C3%A9", "%ff%fe", "%e2%82", "%E2%82%AC%E2%82 5", "%F0%9F%98%80",
        "%ed%a0%80x", "é%c3é%a9", "%3Cb%3Ebold%3C/b%3E", "%26amp;", "%2520", "1+1=2", "%00nul", "%f4%90%80%80", "%e0%80%af", "C%2B%2B",
    ],
    "lower case": [
        "HELLO World", "İstanbul", "ΟΔΥΣΣΕΥΣ ΣΑΣ. Σ", "ΑΣ'Σ ΑΣ:", "ẞ STRASSE", "ǅungla", "Ⅷ Ⓐ", "K Å Ω", "ÀÉÎ", "  \u2003trim me\u00a0 ",
    ],
    "person": ["<person> and <PERSON>", "<person>s <persona>"],
    "urls": [
        "see http://example.com now", "https://www.example.com/a/b-c_d?q=1#f", "http:/one https:x http:% http: //", "https:///x http:////x",
        "example.com", "sub.domain-name.co.uk/path", "me@example.com", "example.com@home", "example.com/@home", "a.computer b.common",
        "visit a.com/foo/bar/ today", "x.ru,y.net;z.org", "..com .com com. -.com", "foo.édu a.eduÉ", "éa.com", "www.example.org", "www:x www:// www:",
        "xhttp://y", "a.b.c.com.d", "1.2.it", "a.com.com.com!", "wonder.net-work.gov/x-", "not a link.It is", "ftp://example.com/file", "a.co-", "a.co/-",
    ],
    "html": [
        "<b>bold</b> and <i>it", "a < b > c", "1<2 and 3>2", "I <3 cats", "<br><br/>line<br />break</br>", "<!-- hidden --> seen", "<!-- open", "<!doctype html>text",
        "<script>alert(1)</script>safe", "<style>p{}</style>styled", "<script>never closed", "<ruby>kan<rp>(</rp><rt>reading</rt></ruby>", "<template>t</template>u",
        "<![CDATA[kept]]> after", "<![cdata[]]>", "<![if IE]>office<![endif]>", "<?php echo 1 ?>done", "</p>stray </ b> </1> </>", "<a href='x>y'>link</a>", "<a href=\"unclosed>link",
        "<img alt=cat src=dog.png/>picture", "<p/>slash</p>", "<a b='c", "<a b= 'c", "<a b=='c>d", "<a\x00b>c", "tail <", "tail <b", "tail </b", "<pre>  </pre>x", "<p>  </p>x", "<x <y> z",
        "<!>a<!->b<!-->c-->d", "-- ><!--x-- >y", "<textarea> a </textarea>", "<b\n>c</b\n>", "<_>under", "<b \x00>c", "<b/\"c\"d>e", "<b c\"=d>e", "<b c=\"d\"e>f", "<b c= >d", "<b c=\n>d", "<b/ >c", "a</b c>d", "a</b/c>d","<b =c>d", "<b\x00/>c", "<b c='d'/>e", "<pre>\n</pre>", "<b>\n</b>x", "<1>", "< b >", "<\u00e9>", "<b\u00a0c>d",
    ],
    "references": [
        "fish &amp; chips", "&lt;b&gt;", "&quot;quoted&quot; &quot", "&&#113;uot; &&#113;uot &&#97;mp", "AT&T", "&nbsp;x&nbsp;", "&#65;&#x42;&#X43;", "&#128;&#150;&#0;", "&#xD800; &#x110000;", "&#99999999999999999999;",
        "&eacute;&Eacute;t", "&copy 2024 &copyright", "&notin; &notit; &not", "&bogus; &bogus &", "&amp;amp;amp;", "&#", "&#;x", "&#x;<b>x</b>", "&#38;lt;", "a &a", "a &ab", "a &a-", "&#1;&#x7f;&#xfffe;",
        "＆ｅａｃｕｔｅ；", "＆lt；x＆gt；", "＆＃６５；", "＆amp;amp;eacute;", "＆#59; ＆semi; ＆#x3b", "＆NTILDE; ＆SZLIG; ＆nTILDE;", "＆notit; ＆#1; ＆ampx;", "＆nGt; ＆nLt; ＆fjlig;", "&lt;＆lt;",
        "＆＃１； ＆＃ｘ７ｆ； ＆＃ｘｆｆｆｅ； ＆＃１２；", "＆＃６５ ＆＃ｘ４１ ＆＃Ｘ４１ ＆＃１２８ ＆＃０", "＆＃５９； ＆＃ｘ３ｂ", "＆＃ ＆＃ｘ ＆＃； ＆＃６５ａ；", "＆＃ｘｄ８００； ＆＃１１１４１１２； ＆＃１２９；", "＆ｃｏｐｙ２０２４ ＆ｎｏｔａｔｉｏｎ ＆ａｍｐ＆ａｍｐ",
        "＆&#78;&#84;&#73;&#76;&#68;&#69;； ＆&#83;&#90;&#76;&#73;&#71;；", "＆&#65;&#77;&#80;&#69;；", "＆\U0001d7d9； ＆é；", "＆" + "a" * 40 + "；",
    ],
    "nicknames": ["@bob hi", "a@b", "by @bob_1: @É @@x @ y @-z", "@日本 @_"],
    "cjk": ["猫 cat 犬", "カタカナ ひらがな 한국어", "㇀㇯ㇰㇿ㈀㋿㌀㏿㐀䶿䷀䷿一鿿ꀀ", "中a中b"],
    "dashes": ["a—b–c―d‐e", "a -- b ——— c", "֊־᐀᠆⸗⸚⸺⸻⹀〜〰゠︱︲﹘﹣－", "−minus ⁃ bullet ~ tilde"],
    "quotes": ["“curly” ‘single’ `back` ´acute´ «guillemets» ¨", "‚low‛ „low‟ ʼ", "\"\"\"SALE\"\"\" '' \"' '", "'it''s'", "\"quoted whole\"", "'single whole\"", "\"a\" and \"b\"", "\"\"", "\"", "''", "\"x\""],
    "ip": ["1.2.3.4", "at 192.168.100.200 now", "1234.5.6.7890", "1.2.3", "1.2.3.4.5.6.7.8", "١.٢.٣.٤", "v1.2.3.4b"],
    "article ids": ["dress 1:23 ", "<b>dress 1:23 </b>", "dress 1:23 &nbsp;", "<b>2:34\n\n</b>", "1:23", "<i>12:345 </i>"],
    "backslash n": ["line\\nbreak \\n \\\\n \\t", "real\nbreak\r\nhere\rthere"],
    "numbers": ["#1 #22 #333 #4444 #55555 #666666", "#1a #12345a #١٢٣", "123456 12345 1234567890", "a123456 123456b 123456_ -123456-", "٣٤٥٦٧٨ ½¼¾²³", "x#1#2 ##3"],
    "file names": ["IMG_0001.JPG", "see cat.png and dog.jpeg.", "a.png.webp.txt", "/home/me/pic.jpg?size=1", ".png", "x .pdf y", "archive.mp4.apk!", "a.pngb.eps", "日.bmp"],
    "dots": ["wait... what..", "a . b .  . c", ". a .", "a .b", "a\u00a0.\u2003b", "…and… so"],
    "bad punctuation": ["#®•©™&@·º½¾¿¡§~)(][}{|\\/*", "a***b///c", "¿qué? ¡hola!", "50º (approx.) [sic] {x}", "½ cup"],
    "joins": ["this-is-my-cute-cat", "this_is_my_cat", "a-b-c", "a-b_c-d_e", "- - - -"],
    "ligatures": ["ﬁne ﬂuﬃest ﬀ ﬄ ﬅ ﬆ", "ĳ Ĳ ŉ ǆ ǉ ǌ ǳ Ǳ", "æ œ ﬓ"],
    "width": ["ＦＵＬＬ　ｗｉｄｔｈ", "１９２０ｘ１０８０", "ﾊﾝｶｸ ｶﾞｷﾞ", "ﾡￂￃ ￠￡￢￣￤￥￦ ￨￩￪￫￬￭￮", "＜ｂ＞", "．．．！？"],
    "controls": [
        "a\x07b\x1b[31mred\x1b[0m", "\x1b[1;2", "\x1b[é", "\x1b［31mred\x1b［0m\x1b［é\x1b［1", "x\x1b\x1b［1;2Hy", "\ufeffbom\ufeff", "a\u200bb\u200cc\u200dd\u200e", "\u206aa\ufff9b\ufffcc", "\u2028a\u2029b", "a\u0085b", "a\x0bb\x0cc\x1cd\x1fe", "x\x7fy\x00z", "\ufffd?", "\x80\x93\x81\x9d",
    ],
    "composition": [
        "cafe\u0301", "e\u0323\u0301 e\u0301\u0323", "\u1100\u1161\u11a8", "A\u030a \u212b", "\u0958 \u0344", "q\u0307\u0323", "a" + "\u0301" * 40, "e" + "\u0301\u0316" * 20, "\u0f71\u0f72\u0f74", "\u037e\u2000\u212a",
        "\u09c7\u09be \u0b47\u0b56", "\u0301leading", "\u1e9b\u0323", "s\u0323\u0307",
    ],
    "serials": ["jc6640", "jc6640vc", "6640vc231", "a1 ab12 abc123 abcd123 a" + "1" * 16, "j2d1a2a 1a2b3 a1b2c", "abc123é é123 a1_b2", "x٣٤٥ a١b", "4k 8k 16mm", "r2d2 c3po bb8"],
    "shop talk": [
        "free shipping", "worldwide free shipping now", "WORLDWIDE SHIPPING", "freeshipping shippings", "worldwide  \n free  shipping", "free free shipping", "free download free", "freedownload downloads", "download\u00a0free",
        "click for more", "click on it please", "click here", "clicked on it", "click on", "png image", "jpg images here", "png picturepng", "mp4s apk", "page 12 of 20", "page 12a", "homepage 3", "page  ٣",
    ],
    "sizes": ["1920x1080", "12.5x3.5 cm", "4×6 5х7", "3x4x5", "3x4.5b", "3x4. end", "3x4.", "1.2.3x4", "2x", "x2", "3 x 4", "٣x٤", "10x10px", "1.x2", "1..x2", "5x5.5.5", "5x5.a", "5x5a", "5xa", "3×4.5b", "3×4. end", "3×4.", "1.2.3×4", "5×5.a", "5×a", "3×4×5", "5×5.5.5", "10.×2.х3"],
    "spacing": ["a : b", "a: b :c", "3 : 4", "! : b", "a,b.c/d", "1,2.3", "a.1 1.a", "..b ,.c", "end. , next", "a  \t b\n\nc", "é,é"],
    "ends": ["'a", "_a_", "-a-", ":a:", ";a;", ",a,", "+a+", "a+ b+", ".hidden", ".hidden file", "..", "' a '", "--a--", "'\"a\"'", "", " ", ".", "-", "''", "\".x\""],
    "twice": ["&amp;amp;lt;b&amp;amp;gt;", "%2541", "%252541", "'''a'''", "&lt;b&gt;bold&lt;/b&gt;", "a&#46;&#46;png", "j&#50;d", "«“x”»", ":;:a"],
    "mojibake": ["donâ€™t", "schÃ¶n", "âœ” no problems", "Ã la mode", "l\u2019Ã©tÃ©", "â€œquotedâ€\x9d", "naÃ¯ve cafÃ©", "ÐŸÑ€Ð¸Ð²ÐµÑ‚", "\u00c2\u00a0x", "ðŸ˜€ grin"],
}


def official(source):
    """The T5Embedder of the file source, without a model."""
    for name, members in {
        "torch": ["bfloat16", "no_grad"],
        "transformers": ["T5EncoderModel", "AutoTokenizer"],
        "huggingface_hub": ["hf_hub_download"],
    }.items():
        module = sys.modules[name] = types.ModuleType(name)
        for member in members:
            setattr(module, member, lambda *_: None)
    names = {"__name__": "t5"}
    with open(source, encoding="utf-8") as f:
        exec(compile(f.read(), source, "exec"), names)
    embedder = object.__new__(names["T5Embedder"])
    embedder.use_text_preprocessing = True
    return embedder


def write(name, data):
    with open(name, "wb") as f, gzip.GzipFile("", "wb", 9, f, 0) as z:
        z.write(data.encode())


def main():
    warnings.simplefilter("ignore")
    clean = official(sys.argv[1]).text_preprocessing

    rows = []
    fix = ftfy.fix_text
    for about, lines in NASTY.items():
        for line in lines:
            row = {"about": about, "in": line, "out": clean(line)}
            if about == "mojibake":
                row["official"] = row["out"]
                ftfy.fix_text = lambda text: fix(text, fix_encoding=False)
                row["out"] = clean(line)
                ftfy.fix_text = fix
            rows.append(row)
    with open(os.path.join(FOLDER, "clean_nasty.json"), "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")

    with gzip.open(os.path.join(FOLDER, "captions.txt.gz"), "rt", encoding="utf-8") as f:
        captions = f.read().split("\n")[:2000]
    write(os.path.join(FOLDER, "clean_captions.txt.gz"), "".join(clean(c) + "\n" for c in captions))

    for source in sys.argv[2:]:
        with open(source, encoding="utf-8", newline="\n") as f:
            prompts = f.read().splitlines()
        if source.endswith(".tsv"):
            prompts = [prompt.split("\t")[0] for prompt in prompts[1:]]
        name = os.path.splitext(os.path.basename(source))[0].lower()
        write(f"clean_{name}.json.gz", json.dumps([[p, clean(p)] for p in prompts], indent=0) + "\n")


if __name__ == "__main__":
    main()
