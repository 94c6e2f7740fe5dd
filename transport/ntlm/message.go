package ntlm

import (
	"encoding/binary"
	"errors"
	"unicode/utf16"
)

const signature = "NTLMSSP\x00"

// Message types. [MS-NLMP] 2.2.1
const (
	typeNegotiate    = 1
	typeChallenge    = 2
	typeAuthenticate = 3
)

// Negotiate flags. [MS-NLMP] 2.2.2.5
const (
	flagUnicode    = 1 << 0
	flagTarget     = 1 << 2
	flagNTLM       = 1 << 9
	flagAlwaysSign = 1 << 15
	flagExtended   = 1 << 19
	flagTargetInfo = 1 << 23
	flagVersion    = 1 << 25
	flag128        = 1 << 29
	flag56         = 1 << 31

	flags = flagUnicode | flagTarget | flagNTLM | flagAlwaysSign | flagExtended | flagTargetInfo | flagVersion | flag128 | flag56
)

// AV_PAIR ids. [MS-NLMP] 2.2.2.1
const (
	avEOL             = 0
	avFlags           = 6
	avTimestamp       = 7
	avTargetName      = 9
	avChannelBindings = 10
)

// avFlagMIC says that the message has a MIC.
const avFlagMIC = 2

// Offsets in the messages. [MS-NLMP] 2.2.1.2, 2.2.1.3
const (
	challengeSize       = 48 // up to the payload
	challengeFlags      = 20
	challengeServer     = 24
	challengeTargetInfo = 40

	authenticateFlags = 60
	authenticateMIC   = 72
	authenticateSize  = 88 // up to the payload
)

// version is a current Windows, with the revision that all have. [MS-NLMP]
// 2.2.2.10
var version = [8]byte{10, 0, 0, 0, 0, 0, 0, 15}

var errChallenge = errors.New("the NTLM challenge of the server is damaged")

// Negotiate is the first message of a login.
func Negotiate() []byte {
	b := append([]byte(signature), typeNegotiate, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, flags)
	b = append(b, make([]byte, 16)...) // no domain, no workstation
	return append(b, version[:]...)
}

// challenge is what is used of a CHALLENGE_MESSAGE.
type challenge struct {
	flags  uint32
	server []byte // 8 bytes
	info   []avPair
}

type avPair struct {
	id    uint16
	value []byte
}

func readChallenge(b []byte) (*challenge, error) {
	if len(b) < challengeSize || string(b[:8]) != signature || binary.LittleEndian.Uint32(b[8:]) != typeChallenge {
		return nil, errChallenge
	}
	c := &challenge{flags: binary.LittleEndian.Uint32(b[challengeFlags:]), server: b[challengeServer : challengeServer+8]}
	field := b[challengeTargetInfo:]
	size, at := int64(binary.LittleEndian.Uint16(field)), int64(binary.LittleEndian.Uint32(field[4:]))
	if at+size > int64(len(b)) {
		return nil, errChallenge
	}
	list := b[at : at+size]
	for len(list) > 0 {
		if len(list) < 4 {
			return nil, errChallenge
		}
		id, n := binary.LittleEndian.Uint16(list), int(binary.LittleEndian.Uint16(list[2:]))
		if id == avEOL {
			break
		}
		if len(list) < 4+n {
			return nil, errChallenge
		}
		c.info = append(c.info, avPair{id, list[4 : 4+n]})
		list = list[4+n:]
	}
	return c, nil
}

func (c *challenge) find(id uint16) []byte {
	for _, p := range c.info {
		if p.id == id {
			return p.value
		}
	}
	return nil
}

// appendPairs writes a list with its end.
func appendPairs(b []byte, list []avPair) []byte {
	for _, p := range append(list, avPair{id: avEOL}) {
		b = binary.LittleEndian.AppendUint16(b, p.id)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(p.value)))
		b = append(b, p.value...)
	}
	return b
}

func unicode(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}
