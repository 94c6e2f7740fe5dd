package codepage

import (
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// A page is one row of the list: the Windows number, what decodes it, and its
// MIME labels, the preferred one first.
type page struct {
	page   int
	set    func(*charset)
	labels string
	// approximate marks a near relative: Get says false.
	approximate bool
	// noNumber marks a set that Windows has no number for; page is then the
	// number that a message that must name one takes.
	noNumber bool
}

// pages lists all code pages. The first row with a number or a label wins.
// [MS-UCODEREF] 2.2.1
var pages = []page{
	// Unicode.
	{page: 65001, set: utf8Set, labels: "utf-8 utf8 unicode-1-1-utf-8 unicode-2-0-utf-8 utf8mb4 cp65001 utf-8-mac unicode"},
	{page: 65000, set: utf7, labels: "utf-7 unicode-1-1-utf-7 unicode-2-0-utf-7 csunicode11utf7 csutf7"},
	{page: 1200, set: wide(2, false), labels: "utf-16 utf-16le ucs-2 ucs-2le iso-10646-ucs-2 csunicode unicodefffe-le"},
	{page: 1201, set: wide(2, true), labels: "utf-16be unicodefffe ucs-2be csutf16be"},
	{page: 12000, set: wide(4, false), labels: "utf-32 utf-32le ucs-4 ucs-4le iso-10646-ucs-4 csucs4"},
	{page: 12001, set: wide(4, true), labels: "utf-32be ucs-4be"},
	{page: 65001, set: cesu8, labels: "cesu-8 cscesu-8 utf-8-cesu", noNumber: true},

	// Windows.
	{page: 874, set: fromCharmap(charmap.Windows874), labels: "windows-874 tis-620 dos-874 iso-ir-166 cswindows874"},
	{page: 932, set: shiftJIS, labels: "shift_jis cp932 ms932 ms_kanji sjis csshiftjis x-sjis windows-31j cswindows31j ibm943 x-ms-cp932 shift-jis-ms"},
	{page: 936, set: fromText(simplifiedchinese.GBK), labels: "gb2312 gbk cp936 ms936 windows-936 chinese csgb2312 csgb231280 csiso58gb231280 gb_2312-80 gb231280 iso-ir-58 x-gbk gb2312-80"},
	{page: 949, set: fromText(korean.EUCKR), labels: "ks_c_5601-1987 cp949 ms949 uhc windows-949 korean ks_c_5601 ks_c_5601-1989 ksc5601 ksc_5601 ks_c-5601-1987 csksc56011987 iso-ir-149 ksx1001 ks_x_1001"},
	{page: 950, set: fromText(traditionalchinese.Big5), labels: "big5 cp950 ms950 big5-hkscs big5hkscs:2004 cn-big5 csbig5 x-x-big5 big-five windows-950"},
	{page: 1250, set: fromCharmap(charmap.Windows1250), labels: "windows-1250 x-cp1250"},
	{page: 1251, set: fromCharmap(charmap.Windows1251), labels: "windows-1251 x-cp1251"},
	{page: 1252, set: fromCharmap(charmap.Windows1252), labels: "windows-1252 x-cp1252 x-ansi ansi winlatin1"},
	{page: 1253, set: fromCharmap(charmap.Windows1253), labels: "windows-1253 x-cp1253"},
	{page: 1254, set: fromCharmap(charmap.Windows1254), labels: "windows-1254 x-cp1254"},
	{page: 1255, set: fromCharmap(charmap.Windows1255), labels: "windows-1255 x-cp1255"},
	{page: 1256, set: fromCharmap(charmap.Windows1256), labels: "windows-1256 x-cp1256"},
	{page: 1257, set: fromCharmap(charmap.Windows1257), labels: "windows-1257 x-cp1257"},
	{page: 1258, set: fromCharmap(charmap.Windows1258), labels: "windows-1258 x-cp1258"},
	{page: 1361, set: johab, labels: "johab x-johab ms1361 ksc5601-1992"},

	// US-ASCII and ISO 8859, with what mail means by them.
	{page: 20127, set: usASCII, labels: "us-ascii ascii 646 iso646 iso646-us iso-646.irv:1991 iso646-irv ansi_x3.4-1968 ansi_x3.4-1986 iso-ir-6 us csascii ibm367 cp367 usascii 7bit"},
	{page: 28591, set: lenient(charmap.Windows1252, charmap.ISO8859_1), labels: "iso-8859-1 latin1 latin-1 l1 8859-1 iso8859 iso_8859-1:1987 iso-ir-100 csisolatin1 ibm819 cp819 iso88591"},
	{page: 28592, set: fromCharmap(charmap.ISO8859_2), labels: "iso-8859-2 latin2 l2 8859-2 iso_8859-2:1987 iso-ir-101 csisolatin2"},
	{page: 28593, set: fromCharmap(charmap.ISO8859_3), labels: "iso-8859-3 latin3 l3 8859-3 iso_8859-3:1988 iso-ir-109 csisolatin3"},
	{page: 28594, set: fromCharmap(charmap.ISO8859_4), labels: "iso-8859-4 latin4 l4 8859-4 iso_8859-4:1988 iso-ir-110 csisolatin4"},
	{page: 28595, set: fromCharmap(charmap.ISO8859_5), labels: "iso-8859-5 cyrillic 8859-5 iso_8859-5:1988 iso-ir-144 csisolatincyrillic"},
	{page: 28596, set: fromCharmap(charmap.ISO8859_6), labels: "iso-8859-6 arabic 8859-6 iso_8859-6:1987 iso-ir-127 iso-8859-6-i iso-8859-6-e ecma-114 csisolatinarabic"},
	{page: 28597, set: fromCharmap(charmap.ISO8859_7), labels: "iso-8859-7 greek greek8 8859-7 iso_8859-7:1987 iso-ir-126 ecma-118 elot_928 csisolatingreek sun_eu_greek"},
	{page: 28598, set: fromCharmap(charmap.ISO8859_8), labels: "iso-8859-8 hebrew 8859-8 iso_8859-8:1988 iso-ir-138 csisolatinhebrew visual iso-8859-8-e csiso88598e"},
	{page: 28599, set: lenient(charmap.Windows1254, charmap.ISO8859_9), labels: "iso-8859-9 latin5 l5 turkish 8859-9 iso_8859-9:1989 iso-ir-148 csisolatin5"},
	{page: 28600, set: fromCharmap(charmap.ISO8859_10), labels: "iso-8859-10 latin6 l6 8859-10 iso-ir-157 iso_8859-10:1992 csisolatin6"},
	{page: 28601, set: fromCharmap(charmap.Windows874), labels: "iso-8859-11 8859-11 iso_8859-11:2001"},
	{page: 28603, set: fromCharmap(charmap.ISO8859_13), labels: "iso-8859-13 latin7 8859-13 csiso885913"},
	{page: 28604, set: fromCharmap(charmap.ISO8859_14), labels: "iso-8859-14 latin8 l8 8859-14 iso-celtic csiso885914"},
	{page: 28605, set: fromCharmap(charmap.ISO8859_15), labels: "iso-8859-15 latin9 latin-9 l9 8859-15 csisolatin9 csiso885915"},
	{page: 28606, set: fromCharmap(charmap.ISO8859_16), labels: "iso-8859-16 latin10 l10 8859-16 iso-ir-226 csiso885916"},
	{page: 38598, set: fromCharmap(charmap.ISO8859_8), labels: "iso-8859-8-i logical csiso88598i"},
	{page: 38596, set: fromCharmap(charmap.ISO8859_6), labels: "iso-8859-6-i"},

	// Cyrillic and others by their own names.
	{page: 20866, set: fromCharmap(charmap.KOI8R), labels: "koi8-r koi8 koi cskoi8r koi8_r"},
	{page: 21866, set: fromCharmap(charmap.KOI8U), labels: "koi8-u koi8-ru"},
	{page: 1251, set: fromTable(-3), labels: "koi8-t", noNumber: true},
	{page: 1251, set: fromTable(-6), labels: "kz-1048 rk1048 strk1048-2002", noNumber: true},
	{page: 1251, set: fromTable(-7), labels: "ptcp154 cp154 pt154 cyrillic-asian csptcp154", noNumber: true},
	{page: 1258, set: fromTable(-1), labels: "viscii viscii1.1-1 csviscii", noNumber: true},
	{page: 1258, set: fromTable(-2), labels: "tcvn tcvn-5712 tcvn5712-1 tcvn5712-1:1993", noNumber: true},
	{page: 65001, set: fromTable(-4), labels: "armscii-8", noNumber: true},
	{page: 65001, set: fromTable(-5), labels: "georgian-ps", noNumber: true},
	{page: 1252, set: fromTable(-8), labels: "hp-roman8 roman8 r8 cshproman8", noNumber: true},

	// East Asian, ISO 2022 and EUC.
	{page: 50220, set: newISO2022(iso2022JP), labels: "iso-2022-jp iso-2022-jp-1 iso-2022-jp-2 iso-2022-jp-3 iso-2022-jp-2004 iso-2022-jp-ms csiso2022jp2 cp50220 jis junet"},
	{page: 50221, set: newISO2022(iso2022JP), labels: "csiso2022jp cp50221"},
	{page: 50222, set: newISO2022(iso2022JP), labels: "iso-2022-jp-siso cp50222"},
	{page: 50225, set: newISO2022(iso2022KR), labels: "iso-2022-kr csiso2022kr"},
	{page: 50226, set: newISO2022(iso2022KR), labels: "iso-2022-kr-8"},
	{page: 50227, set: newISO2022(iso2022CN), labels: "iso-2022-cn x-cp50227 iso-2022-cn-ext csiso2022cn"},
	{page: 50229, set: newISO2022(iso2022CN), labels: "x-iso-2022-cn-traditional x-cp50229"},
	{page: 51932, set: fromText(japanese.EUCJP), labels: "euc-jp x-euc-jp x-euc cseucpkdfmtjapanese extended_unix_code_packed_format_for_japanese ujis eucjp-ms cp51932"},
	{page: 51936, set: fromText(simplifiedchinese.GBK), labels: "euc-cn x-euc-cn"},
	{page: 51949, set: fromText(korean.EUCKR), labels: "euc-kr cseuckr x-euc-kr"},
	{page: 51950, set: eucTW, labels: "euc-tw cseuctw x-euc-tw"},
	{page: 52936, set: hz, labels: "hz-gb-2312 hz"},
	{page: 54936, set: fromText(simplifiedchinese.GB18030), labels: "gb18030 csgb18030 gb18030-2005 gb18030-2022"},
	{page: 20000, set: eucTW, labels: "x-chinese-cns x-cp20000"},
	{page: 20001, set: fromText(traditionalchinese.Big5), labels: "x-cp20001", approximate: true},
	{page: 20002, set: fromText(traditionalchinese.Big5), labels: "x-chinese-eten", approximate: true},
	{page: 20003, set: fromText(traditionalchinese.Big5), labels: "x-cp20003", approximate: true},
	{page: 20004, set: fromText(traditionalchinese.Big5), labels: "x-cp20004", approximate: true},
	{page: 20005, set: fromText(traditionalchinese.Big5), labels: "x-cp20005", approximate: true},
	{page: 20932, set: fromText(japanese.EUCJP), labels: "x-cp20932"},
	{page: 20936, set: fromText(simplifiedchinese.GBK), labels: "x-cp20936"},
	{page: 20949, set: fromText(korean.EUCKR), labels: "x-cp20949"},

	// OEM.
	{page: 437, set: fromCharmap(charmap.CodePage437), labels: "ibm437 cp437 cspc8codepage437 dos-us"},
	{page: 708, set: fromCharmap(charmap.ISO8859_6), labels: "asmo-708"},
	{page: 709, set: fromCharmap(charmap.ISO8859_6), labels: "asmo-449", approximate: true},
	{page: 710, set: fromCharmap(charmap.ISO8859_6), labels: "x-cp710", approximate: true},
	{page: 720, set: fromTable(720), labels: "dos-720 cp720"},
	{page: 737, set: fromTable(737), labels: "ibm737 cp737"},
	{page: 775, set: fromTable(775), labels: "ibm775 cp775 cspc775baltic"},
	{page: 850, set: fromCharmap(charmap.CodePage850), labels: "ibm850 cp850 cspc850multilingual"},
	{page: 852, set: fromCharmap(charmap.CodePage852), labels: "ibm852 cp852 cspcp852"},
	{page: 855, set: fromCharmap(charmap.CodePage855), labels: "ibm855 cp855 csibm855"},
	{page: 857, set: fromTable(857), labels: "ibm857 cp857 csibm857"},
	{page: 858, set: fromCharmap(charmap.CodePage858), labels: "ibm00858 cp858 ccsid00858 cp00858 ibm858 pc-multilingual-850+euro"},
	{page: 860, set: fromCharmap(charmap.CodePage860), labels: "ibm860 cp860 csibm860"},
	{page: 861, set: fromTable(861), labels: "ibm861 cp861 cp-is csibm861"},
	{page: 862, set: fromCharmap(charmap.CodePage862), labels: "dos-862 ibm862 cp862 cspc862latinhebrew"},
	{page: 863, set: fromCharmap(charmap.CodePage863), labels: "ibm863 cp863 csibm863"},
	{page: 864, set: fromTable(864), labels: "ibm864 cp864 csibm864"},
	{page: 865, set: fromCharmap(charmap.CodePage865), labels: "ibm865 cp865 csibm865"},
	{page: 866, set: fromCharmap(charmap.CodePage866), labels: "cp866 ibm866 csibm866"},
	{page: 869, set: fromTable(869), labels: "ibm869 cp869 cp-gr csibm869"},

	// Macintosh.
	{page: 10000, set: fromCharmap(charmap.Macintosh), labels: "macintosh mac csmacintosh x-mac-roman macroman"},
	{page: 10001, set: fromText(japanese.ShiftJIS), labels: "x-mac-japanese"},
	{page: 10002, set: fromText(traditionalchinese.Big5), labels: "x-mac-chinesetrad"},
	{page: 10003, set: fromText(korean.EUCKR), labels: "x-mac-korean"},
	{page: 10004, set: fromTable(10004), labels: "x-mac-arabic"},
	{page: 10005, set: fromCharmap(charmap.Windows1255), labels: "x-mac-hebrew", approximate: true},
	{page: 10006, set: fromTable(10006), labels: "x-mac-greek"},
	{page: 10007, set: fromCharmap(charmap.MacintoshCyrillic), labels: "x-mac-cyrillic"},
	{page: 10008, set: fromText(simplifiedchinese.GBK), labels: "x-mac-chinesesimp"},
	{page: 10010, set: fromTable(10010), labels: "x-mac-romanian"},
	{page: 10017, set: fromTable(10017), labels: "x-mac-ukrainian mac-uk"},
	{page: 10021, set: fromCharmap(charmap.Windows874), labels: "x-mac-thai", approximate: true},
	{page: 10029, set: fromTable(10029), labels: "x-mac-ce mac-centraleurope mac-latin2 macce"},
	{page: 10079, set: fromTable(10079), labels: "x-mac-icelandic"},
	{page: 10081, set: fromTable(10081), labels: "x-mac-turkish"},
	{page: 10082, set: fromTable(10082), labels: "x-mac-croatian"},

	// Seven-bit national sets.
	{page: 20105, set: fromCharmap(charmap.Windows1252), labels: "x-ia5 irv"},
	{page: 20106, set: fromTable(20106), labels: "x-ia5-german din_66003 iso646-de"},
	{page: 20107, set: fromTable(20107), labels: "x-ia5-swedish iso646-se sen_850200_b"},
	{page: 20108, set: fromTable(20108), labels: "x-ia5-norwegian iso646-no ns_4551-1"},
	{page: 20261, set: fromCharmap(charmap.ISO8859_1), labels: "x-cp20261 t.61-8bit", approximate: true},
	{page: 20269, set: fromCharmap(charmap.ISO8859_1), labels: "x-cp20269 iso_6937", approximate: true},
	{page: 29001, set: fromCharmap(charmap.Windows1252), labels: "x-europa", approximate: true},

	// EBCDIC.
	{page: 37, set: fromCharmap(charmap.CodePage037), labels: "ibm037 cp037 ebcdic-cp-us ebcdic-cp-ca csibm037"},
	{page: 500, set: fromTable(500), labels: "ibm500 cp500 ebcdic-cp-be ebcdic-cp-ch csibm500"},
	{page: 870, set: fromTable(870), labels: "ibm870 cp870 ebcdic-cp-roece"},
	{page: 875, set: fromTable(875), labels: "cp875"},
	{page: 1026, set: fromTable(1026), labels: "ibm1026 cp1026"},
	{page: 1047, set: fromCharmap(charmap.CodePage1047), labels: "ibm1047 cp1047 ibm01047"},
	{page: 1140, set: fromCharmap(charmap.CodePage1140), labels: "ibm01140 cp1140 ibm1140 ebcdic-us-37+euro"},
	{page: 1141, set: fromTable(1141), labels: "ibm01141 cp1141 ibm1141 ebcdic-de-273+euro"},
	{page: 1142, set: fromTable(1142), labels: "ibm01142 cp1142 ibm1142 ebcdic-dk-277+euro"},
	{page: 1143, set: fromTable(1143), labels: "ibm01143 cp1143 ibm1143 ebcdic-fi-278+euro"},
	{page: 1144, set: fromTable(1144), labels: "ibm01144 cp1144 ibm1144 ebcdic-it-280+euro"},
	{page: 1145, set: fromTable(1145), labels: "ibm01145 cp1145 ibm1145 ebcdic-es-284+euro"},
	{page: 1146, set: fromTable(1146), labels: "ibm01146 cp1146 ibm1146 ebcdic-gb-285+euro"},
	{page: 1147, set: fromTable(1147), labels: "ibm01147 cp1147 ibm1147 ebcdic-fr-297+euro"},
	{page: 1148, set: fromTable(1148), labels: "ibm01148 cp1148 ibm1148 ebcdic-international-500+euro"},
	{page: 1149, set: fromTable(1149), labels: "ibm01149 cp1149 ibm1149 ebcdic-is-871+euro"},
	{page: 20273, set: fromTable(20273), labels: "ibm273 cp273"},
	{page: 20277, set: fromTable(20277), labels: "ibm277 cp277 ebcdic-cp-dk ebcdic-cp-no"},
	{page: 20278, set: fromTable(20278), labels: "ibm278 cp278 ebcdic-cp-fi ebcdic-cp-se"},
	{page: 20280, set: fromTable(20280), labels: "ibm280 cp280 ebcdic-cp-it"},
	{page: 20284, set: fromTable(20284), labels: "ibm284 cp284 ebcdic-cp-es"},
	{page: 20285, set: fromTable(20285), labels: "ibm285 cp285 ebcdic-cp-gb"},
	{page: 20290, set: fromTable(20290), labels: "ibm290 cp290 ebcdic-jp-kana"},
	{page: 20297, set: fromTable(20297), labels: "ibm297 cp297 ebcdic-cp-fr"},
	{page: 20420, set: fromTable(20420), labels: "ibm420 cp420 ebcdic-cp-ar1"},
	{page: 20423, set: fromTable(20423), labels: "ibm423 cp423 ebcdic-cp-gr"},
	{page: 20424, set: fromTable(20424), labels: "ibm424 cp424 ebcdic-cp-he"},
	{page: 20833, set: fromTable(20290), labels: "x-ebcdic-koreanextended", approximate: true},
	{page: 20838, set: fromTable(20838), labels: "ibm-thai csibmthai"},
	{page: 20871, set: fromTable(20871), labels: "ibm871 cp871 ebcdic-cp-is"},
	{page: 20880, set: fromTable(20880), labels: "ibm880 cp880 ebcdic-cyrillic"},
	{page: 20905, set: fromTable(20905), labels: "ibm905 cp905 ebcdic-cp-tr"},
	{page: 20924, set: fromTable(20924), labels: "ibm00924 cp00924 ccsid00924 ebcdic-latin9--euro"},
	{page: 21025, set: fromTable(21025), labels: "cp1025"},
}
