package ewstest

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"golang.org/x/crypto/md4" //lint:ignore SA1019 NTLM is made of it

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// The server's side of NTLMv2. [MS-NLMP]

var ntlmSignature = []byte("NTLMSSP\x00")

// Flags. [MS-NLMP] 2.2.2.5
const (
	ntlmUnicode      = 0x00000001
	ntlmTarget       = 0x00000004
	ntlmNTLM         = 0x00000200
	ntlmAlwaysSign   = 0x00008000
	ntlmTargetDomain = 0x00010000
	ntlmExtended     = 0x00080000
	ntlmTargetInfo   = 0x00800000
	ntlm128          = 0x20000000
	ntlm56           = 0x80000000
)

// Kinds of AV_PAIR. [MS-NLMP] 2.2.2.1
const (
	avEOL            = 0
	avComputer       = 1
	avDomain         = 2
	avDNSComputer    = 3
	avDNSDomain      = 4
	avTimestamp      = 7
	avChannelBinding = 10
)

func isNegotiate(b []byte) bool {
	return len(b) >= 12 && bytes.HasPrefix(b, ntlmSignature) && binary.LittleEndian.Uint32(b[8:]) == 1
}

func avPair(b []byte, id uint16, value []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, id)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	return append(b, value...)
}

// newChallenge makes a CHALLENGE_MESSAGE. [MS-NLMP] 2.2.1.2
func newChallenge(now time.Time) (challenge, message []byte) {
	challenge = make([]byte, 8)
	_, _ = rand.Read(challenge) // it never fails
	le := binary.LittleEndian
	target := mapi.EncodeUTF16("EXAMPLE")
	var info []byte
	info = avPair(info, avDomain, target)
	info = avPair(info, avComputer, mapi.EncodeUTF16("MAIL"))
	info = avPair(info, avDNSDomain, mapi.EncodeUTF16("example.test"))
	info = avPair(info, avDNSComputer, mapi.EncodeUTF16("mail.example.test"))
	info = avPair(info, avTimestamp, le.AppendUint64(nil, mapi.Filetime(now)))
	info = avPair(info, avEOL, nil)
	const head = 56
	b := append([]byte(nil), ntlmSignature...)
	b = le.AppendUint32(b, 2)
	b = ntlmField(b, len(target), head)
	b = le.AppendUint32(b, ntlmUnicode|ntlmTarget|ntlmNTLM|ntlmAlwaysSign|ntlmTargetDomain|ntlmExtended|ntlmTargetInfo|ntlm128|ntlm56)
	b = append(b, challenge...)
	b = append(b, make([]byte, 8)...)
	b = ntlmField(b, len(info), head+len(target))
	b = append(b, 10, 0, 0x61, 0x4A, 0, 0, 0, 15) // version 10.0.19041
	b = append(b, target...)
	return challenge, append(b, info...)
}

func ntlmField(b []byte, n, at int) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(n))
	b = binary.LittleEndian.AppendUint16(b, uint16(n))
	return binary.LittleEndian.AppendUint32(b, uint32(at))
}

var errNTLM = errors.New("the message is no AUTHENTICATE_MESSAGE")

// ntlmBytes is the payload of the field at off.
func ntlmBytes(b []byte, off int) ([]byte, error) {
	if len(b) < off+8 {
		return nil, errNTLM
	}
	n, at := int(binary.LittleEndian.Uint16(b[off:])), int(binary.LittleEndian.Uint32(b[off+4:]))
	if at > len(b) || n > len(b)-at {
		return nil, errNTLM
	}
	return b[at : at+n], nil
}

// authenticate checks an AUTHENTICATE_MESSAGE. [MS-NLMP] 3.3.2
func (s *Server) authenticate(b, challenge []byte, secure bool) (*mailbox.Mailbox, error) {
	if !bytes.HasPrefix(b, ntlmSignature) || len(b) < 64 || binary.LittleEndian.Uint32(b[8:]) != 3 {
		return nil, errNTLM
	}
	response, err1 := ntlmBytes(b, 20)
	domain, err2 := ntlmBytes(b, 28)
	user, err3 := ntlmBytes(b, 36)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	text := func(b []byte) string { return string(b) }
	if binary.LittleEndian.Uint32(b[60:])&ntlmUnicode != 0 {
		text = mapi.DecodeUTF16
	}
	name, dom := text(user), text(domain)
	login := name
	if dom != "" && !strings.Contains(name, "@") {
		login = dom + `\` + name
	}
	m, ok := s.boxes.Lookup(login)
	// NTLMv1 has 24 bytes and is refused, as it should be everywhere.
	if !ok || len(response) <= 24 {
		s.boxes.Refused(name)
		return nil, errors.New("no such account, or no NTLMv2")
	}
	h := md4.New()
	h.Write(mapi.EncodeUTF16(m.Account().Password))
	key := hmacMD5(h.Sum(nil), mapi.EncodeUTF16(strings.ToUpper(name)+dom))
	proof := hmacMD5(key, append(append([]byte(nil), challenge...), response[16:]...))
	if !hmac.Equal(proof, response[:16]) {
		s.boxes.Refused(name)
		return nil, errors.New("the password is wrong")
	}
	if secure {
		if err := s.checkBinding(response[16:]); err != nil {
			s.boxes.Refused(name)
			return nil, err
		}
	}
	return m, nil
}

func hmacMD5(key, data []byte) []byte {
	h := hmac.New(md5.New, key)
	h.Write(data)
	return h.Sum(nil)
}

// checkBinding looks for the channel binding in an NTLMv2_CLIENT_CHALLENGE: the
// hash of the server's certificate in a gss_channel_bindings_struct.
// [MS-NLMP] 2.2.2.7, 3.1.5.1.2; RFC 5929 4, RFC 4121 4.1.1.2
func (s *Server) checkBinding(client []byte) error {
	const head = 28
	if len(client) < head {
		return errNTLM
	}
	var got []byte
	for av := client[head:]; len(av) >= 4; {
		id, n := binary.LittleEndian.Uint16(av), int(binary.LittleEndian.Uint16(av[2:]))
		if id == avEOL || n > len(av)-4 {
			break
		}
		if id == avChannelBinding {
			got = av[4 : 4+n]
		}
		av = av[4+n:]
	}
	none := len(got) == 0 || bytes.Equal(got, make([]byte, 16))
	if none {
		if s.o.RequireChannelBinding {
			return errors.New("there is no channel binding")
		}
		return nil
	}
	app := append([]byte("tls-server-end-point:"), s.auth.endPoint...)
	b := make([]byte, 16)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(app)))
	want := md5.Sum(append(b, app...))
	if !hmac.Equal(want[:], got) {
		return errors.New("the channel binding is that of another connection")
	}
	return nil
}
