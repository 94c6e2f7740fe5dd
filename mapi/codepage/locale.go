package codepage

// ANSI is the ANSI code page of a Windows locale identifier, such as 932 of
// 1041 (Japanese). Locales without one (Unicode only) and unknown ones give
// 1252. Sort identifiers in the upper bits are ignored. [MS-LCID] 2.2
func ANSI(lcid uint32) int {
	lang := uint16(lcid)
	if n, ok := ansiOfLanguage[lang]; ok {
		return n
	}
	if n, ok := ansiOfPrimary[lang&0x3FF]; ok {
		return n
	}
	return Windows1252
}

// ansiOfPrimary holds the primary languages whose page is not 1252.
var ansiOfPrimary = map[uint16]int{
	0x01: 1256, // Arabic
	0x02: 1251, // Bulgarian
	0x04: 936,  // Chinese
	0x05: 1250, // Czech
	0x08: 1253, // Greek
	0x0D: 1255, // Hebrew
	0x0E: 1250, // Hungarian
	0x11: 932,  // Japanese
	0x12: 949,  // Korean
	0x15: 1250, // Polish
	0x18: 1250, // Romanian
	0x19: 1251, // Russian
	0x1A: 1250, // Croatian, Serbian, Bosnian
	0x1B: 1250, // Slovak
	0x1C: 1250, // Albanian
	0x1E: 874,  // Thai
	0x1F: 1254, // Turkish
	0x20: 1256, // Urdu
	0x22: 1251, // Ukrainian
	0x23: 1251, // Belarusian
	0x24: 1250, // Slovenian
	0x25: 1257, // Estonian
	0x26: 1257, // Latvian
	0x27: 1257, // Lithuanian
	0x28: 1251, // Tajik
	0x29: 1256, // Persian
	0x2A: 1258, // Vietnamese
	0x2C: 1254, // Azerbaijani
	0x2F: 1251, // Macedonian
	0x3D: 1255, // Yiddish
	0x3F: 1251, // Kazakh
	0x40: 1251, // Kyrgyz
	0x42: 1250, // Turkmen
	0x43: 1254, // Uzbek
	0x44: 1251, // Tatar
	0x50: 1251, // Mongolian
	0x6D: 1251, // Bashkir
	0x80: 1256, // Uyghur
	0x85: 1251, // Sakha
	0x8C: 1256, // Dari
	0x92: 1256, // Central Kurdish
}

// ansiOfLanguage holds the languages that differ from their primary language,
// mostly by script.
var ansiOfLanguage = map[uint16]int{
	0x0404: 950,  // Chinese, Taiwan
	0x0C04: 950,  // Chinese, Hong Kong
	0x1404: 950,  // Chinese, Macao
	0x7C04: 950,  // Chinese, traditional
	0x0C1A: 1251, // Serbian, Cyrillic, of former Serbia and Montenegro
	0x1C1A: 1251, // Serbian, Cyrillic, Bosnia
	0x201A: 1251, // Bosnian, Cyrillic
	0x281A: 1251, // Serbian, Cyrillic, Serbia
	0x301A: 1251, // Serbian, Cyrillic, Montenegro
	0x641A: 1251, // Bosnian, Cyrillic, neutral
	0x6C1A: 1251, // Serbian, Cyrillic, neutral
	0x082C: 1251, // Azerbaijani, Cyrillic
	0x742C: 1251, // Azerbaijani, Cyrillic, neutral
	0x0843: 1251, // Uzbek, Cyrillic
	0x7843: 1251, // Uzbek, Cyrillic, neutral
	0x0846: 1256, // Punjabi, Arabic
	0x7C46: 1256, // Punjabi, Arabic, neutral
	0x0859: 1256, // Sindhi, Arabic
	0x7C59: 1256, // Sindhi, Arabic, neutral
	0x0850: 1252, // Mongolian, traditional script: Unicode only
	0x7C50: 1252, // Mongolian, traditional script, neutral
	0x0C50: 1252, // Mongolian, traditional script, Mongolia
}
