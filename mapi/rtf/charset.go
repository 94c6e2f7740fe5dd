package rtf

import (
	"fmt"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/codepage"
)

// symbolPage is the code page of symbol fonts, \fcharset2.
const symbolPage = 42

// pageOfCharset is the code page of \fcharset. 0 is the default of the
// document.
func pageOfCharset(n int) int {
	switch n {
	case 0:
		return 1252
	case 2:
		return symbolPage
	case 77:
		return 10000
	case 78:
		return 10001
	case 79:
		return 10003
	case 80:
		return 10008
	case 81:
		return 10002
	case 83:
		return 10005
	case 84:
		return 10004
	case 85:
		return 10006
	case 86:
		return 10081
	case 87:
		return 10021
	case 88:
		return 10029
	case 89:
		return 10007
	case 128:
		return 932
	case 129:
		return 949
	case 130:
		return 1361
	case 134:
		return 936
	case 136:
		return 950
	case 161:
		return 1253
	case 162:
		return 1254
	case 163:
		return 1258
	case 177, 181:
		return 1255
	case 178, 179, 180:
		return 1256
	case 186:
		return 1257
	case 204:
		return 1251
	case 222:
		return 874
	case 238:
		return 1250
	case 254:
		return 437
	case 255:
		return 850
	}
	return 0
}

// isLead reports whether c is the first byte of a pair in the code page.
func isLead(page int, c byte) bool {
	switch page {
	case 932, 10001:
		return c >= 0x81 && c <= 0x9F || c >= 0xE0 && c <= 0xFC
	case 936, 949, 950, 1361, 54936, 10002, 10003, 10008, 51932, 51936, 51949, 51950:
		return c >= 0x81 && c <= 0xFE
	}
	return false
}

// A font is one entry of the font table.
type font struct {
	page int // 0: the document's
	name string
}

const (
	maxFonts    = 4096
	maxFontName = 64
)

// page is the code page of text here: in an HTMLTAG group the document's, else
// that of the current font. [MS-OXRTFEX] 2.2.3.2
func (p *parser) page() int {
	if p.st.dest != destTag {
		if n := p.fonts[p.st.font].page; n != 0 {
			return n
		}
	}
	return p.ansi
}

// charset is the character set of a code page, or the nearest that there is,
// with a problem once for each.
func (p *parser) charset(page int) mapi.Charset {
	if page == p.lastPage && p.lastCharset != nil {
		return p.lastCharset
	}
	n := page
	switch page {
	case symbolPage:
		n = 1252
	case 50220, 50221, 50222:
		n = 932 // escapes have no place in RTF; those who say so mean this
	}
	cs, ok := codepage.Get(n)
	if !ok && !p.badPages[page] {
		if p.badPages == nil {
			p.badPages = make(map[int]bool)
		}
		if len(p.badPages) < 64 {
			p.badPages[page] = true
			p.problem(false, "ansicpg", fmt.Sprintf("code page %d is not known, read as %d", page, cs.CodePage()))
		}
	}
	p.lastPage, p.lastCharset = page, cs
	return cs
}

func (p *parser) problem(severe bool, field, detail string) {
	p.res.Problems.Add(mapi.Problem{Severe: severe, Where: "RTF", Offset: p.offset(), Field: field, Detail: detail, Spec: "[MSFT-RTF]"})
}
