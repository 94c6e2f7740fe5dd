package rtf

// An op is what the reader does at a control word.
type op uint8

const (
	opNone op = iota
	opSkip    // a destination that holds no text of the body
	opChar    // a character; arg is the index in characters
	opPar
	opLine
	opTab

	// Text and code pages.
	opAnsiCP // arg: the code page that the word implies
	opAnsicpg
	opDeff
	opFont
	opFcharset
	opCpg
	opFontTable
	opUC
	opU
	opBin
	opPlain
	opUpr
	opUd

	// [MS-OXRTFEX].
	opHTMLRTF
	opHTMLTag
	opMHTMLTag

	// What only the renderer uses.
	opColorTable
	opRed
	opGreen
	opBlue
	opPard
	opBold
	opItalic
	opUnderline // arg: 1 on, 0 off
	opStrike
	opSuper // arg: 1 super, 2 sub, 0 neither
	opSize
	opColor
	opBack
	opHidden
	opDeleted
	opAlign // arg: 0 left, 1 centre, 2 right, 3 justified
	opIndent
	opInTable
	opRowStart
	opCell
	opRow
	opNestCell
	opNestRow
	opPage
	opField
	opFieldInst
	opFieldResult
	opListText
	opObject
	opResult
	opObjAttPh
	opPict
	opPictFormat // arg: index in pictFormats
	opPicW
	opPicH
	opNonShpPict
)

type word struct {
	op  op
	arg int
	// star says that the word is a destination that may stand after \*.
	star bool
}

// words holds the control words that mean something here. Others are ignored,
// and unknown destinations after \* are skipped.
var words = map[string]word{
	"par": {op: opPar}, "line": {op: opLine}, "tab": {op: opTab},
	"lquote": {op: opChar, arg: 0}, "rquote": {op: opChar, arg: 1}, "ldblquote": {op: opChar, arg: 2},
	"rdblquote": {op: opChar, arg: 3}, "bullet": {op: opChar, arg: 4}, "endash": {op: opChar, arg: 5},
	"emdash": {op: opChar, arg: 6}, "enspace": {op: opChar, arg: 9}, "emspace": {op: opChar, arg: 10},
	"qmspace": {op: opChar, arg: 11}, "ltrmark": {op: opChar, arg: 12}, "rtlmark": {op: opChar, arg: 13},
	"zwj": {op: opChar, arg: 14}, "zwnj": {op: opChar, arg: 15}, "zwbo": {op: opChar, arg: 16}, "zwnbo": {op: opChar, arg: 17},

	"ansi": {op: opAnsiCP, arg: 1252}, "mac": {op: opAnsiCP, arg: 10000}, "pc": {op: opAnsiCP, arg: 437}, "pca": {op: opAnsiCP, arg: 850},
	"ansicpg": {op: opAnsicpg}, "deff": {op: opDeff}, "f": {op: opFont}, "fcharset": {op: opFcharset}, "cpg": {op: opCpg},
	"fonttbl": {op: opFontTable}, "uc": {op: opUC}, "u": {op: opU}, "bin": {op: opBin}, "plain": {op: opPlain},
	"upr": {op: opUpr}, "ud": {op: opUd, star: true},

	"htmlrtf": {op: opHTMLRTF}, "htmltag": {op: opHTMLTag, star: true}, "mhtmltag": {op: opMHTMLTag, star: true},

	// Destinations without text of the body.
	"stylesheet": {op: opSkip}, "info": {op: opSkip}, "header": {op: opSkip}, "headerl": {op: opSkip}, "headerr": {op: opSkip},
	"headerf": {op: opSkip}, "footer": {op: opSkip}, "footerl": {op: opSkip}, "footerr": {op: opSkip}, "footerf": {op: opSkip},
	"footnote": {op: opSkip}, "annotation": {op: opSkip}, "listtable": {op: opSkip}, "listoverridetable": {op: opSkip},
	"revtbl": {op: opSkip}, "rsidtbl": {op: opSkip}, "filetbl": {op: opSkip}, "ftncn": {op: opSkip}, "ftnsep": {op: opSkip},
	"ftnsepc": {op: opSkip}, "aftncn": {op: opSkip}, "aftnsep": {op: opSkip}, "aftnsepc": {op: opSkip}, "tc": {op: opSkip},
	"tcn": {op: opSkip}, "xe": {op: opSkip}, "rxe": {op: opSkip}, "txe": {op: opSkip}, "objdata": {op: opSkip}, "objclass": {op: opSkip},
	"objname": {op: opSkip}, "panose": {op: opSkip}, "falt": {op: opSkip}, "pn": {op: opSkip}, "nesttableprops": {op: opNone, star: true},
	"themedata": {op: opSkip}, "colorschememapping": {op: opSkip}, "datastore": {op: opSkip}, "latentstyles": {op: opSkip},
	"generator": {op: opSkip}, "xmlnstbl": {op: opSkip}, "mmathPr": {op: opSkip}, "nonesttables": {op: opSkip}, "do": {op: opSkip},
	"background": {op: opSkip}, "template": {op: opSkip}, "pgdsctbl": {op: opSkip}, "private": {op: opSkip}, "picprop": {op: opSkip},

	"colortbl": {op: opColorTable}, "red": {op: opRed}, "green": {op: opGreen}, "blue": {op: opBlue}, "pard": {op: opPard},
	"b": {op: opBold}, "i": {op: opItalic}, "strike": {op: opStrike}, "striked": {op: opStrike},
	"ul": {op: opUnderline, arg: 1}, "uld": {op: opUnderline, arg: 1}, "uldb": {op: opUnderline, arg: 1}, "ulw": {op: opUnderline, arg: 1},
	"uldash": {op: opUnderline, arg: 1}, "uldashd": {op: opUnderline, arg: 1}, "ulth": {op: opUnderline, arg: 1}, "ulwave": {op: opUnderline, arg: 1},
	"ulnone": {op: opUnderline, arg: 0}, "super": {op: opSuper, arg: 1}, "sub": {op: opSuper, arg: 2}, "nosupersub": {op: opSuper, arg: 0},
	"fs": {op: opSize}, "cf": {op: opColor}, "highlight": {op: opBack}, "cb": {op: opBack}, "chcbpat": {op: opBack}, "v": {op: opHidden}, "deleted": {op: opDeleted},
	"ql": {op: opAlign, arg: 0}, "qc": {op: opAlign, arg: 1}, "qr": {op: opAlign, arg: 2}, "qj": {op: opAlign, arg: 3},
	"li": {op: opIndent}, "lin": {op: opIndent}, "intbl": {op: opInTable}, "trowd": {op: opRowStart}, "cell": {op: opCell}, "row": {op: opRow},
	"nestcell": {op: opNestCell}, "nestrow": {op: opNestRow}, "page": {op: opPage}, "sect": {op: opPage},
	"field": {op: opField}, "fldinst": {op: opFieldInst, star: true}, "fldrslt": {op: opFieldResult},
	"pntext": {op: opListText}, "listtext": {op: opListText},
	"object": {op: opObject}, "result": {op: opResult}, "objattph": {op: opObjAttPh, star: true},
	"pict": {op: opPict}, "shppict": {op: opNone, star: true}, "nonshppict": {op: opNonShpPict}, "shptxt": {op: opNone, star: true}, "shp": {op: opNone},
	"shpinst": {op: opNone, star: true}, "sp": {op: opSkip},
	"emfblip": {op: opPictFormat, arg: 1}, "pngblip": {op: opPictFormat, arg: 2}, "jpegblip": {op: opPictFormat, arg: 3},
	"wmetafile": {op: opPictFormat, arg: 4}, "dibitmap": {op: opPictFormat, arg: 5}, "wbitmap": {op: opPictFormat, arg: 5}, "macpict": {op: opPictFormat, arg: 6},
	"picwgoal": {op: opPicW}, "pichgoal": {op: opPicH},
}

// lookup finds a control word; those that encapsulated bodies are made of are
// tried before the map.
func lookup(name []byte) (w word, known bool) {
	switch string(name) {
	case "htmltag":
		return word{op: opHTMLTag, star: true}, true
	case "htmlrtf":
		return word{op: opHTMLRTF}, true
	case "par":
		return word{op: opPar}, true
	case "u":
		return word{op: opU}, true
	case "f":
		return word{op: opFont}, true
	case "tab":
		return word{op: opTab}, true
	case "line":
		return word{op: opLine}, true
	case "fs":
		return word{op: opSize}, true
	}
	w, known = words[string(name)]
	return w, known
}

var pictFormats = []string{"", "emf", "png", "jpeg", "wmf", "dib", "pict"}

// characters are what control words and symbols stand for: as text, and as
// encapsulated HTML has it outside tags. [MS-OXRTFEX] 2.2.3.2
var characters = []struct{ text, html string }{
	0:  {"\u2018", "&lsquo;"},
	1:  {"\u2019", "&rsquo;"},
	2:  {"\u201C", "&ldquo;"},
	3:  {"\u201D", "&rdquo;"},
	4:  {"\u2022", "&bull;"},
	5:  {"\u2013", "&ndash;"},
	6:  {"\u2014", "&mdash;"},
	7:  {"\u00A0", "&nbsp;"}, // \~
	8:  {"\u00AD", "&shy;"},  // \- and \_
	9:  {"\u2002", "&ensp;"},
	10: {"\u2003", "&emsp;"},
	11: {"\u2005", "&#8197;"},
	12: {"\u200E", "&lrm;"},
	13: {"\u200F", "&rlm;"},
	14: {"\u200D", "&zwj;"},
	15: {"\u200C", "&zwnj;"},
	16: {"\u200B", "&#8203;"},
	17: {"\u2060", "&#8288;"},
}
