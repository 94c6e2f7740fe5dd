package ntlm

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"golang.org/x/crypto/md4" //lint:ignore SA1019 NTLM is made of it

	"github.com/mailconv/mailconv/mapi"
)

// Credentials say who logs in, and over what.
type Credentials struct {
	// User is DOMAIN\name, name@domain, or a name that the server looks for in
	// its own domain.
	User, Password string
	// Target is the service, as in HTTP/mail.example; it may be empty.
	Target string
	// Binding is the hash of [Binding], nil where there is no TLS.
	Binding []byte
}

// source is the time and the randomness of a message; tests set them.
type source struct {
	now    func() time.Time
	random func([]byte)
}

var system = source{time.Now, func(b []byte) { rand.Read(b) }} //nolint:errcheck // it never fails

// Authenticate answers a challenge; negotiate is the message that asked for it.
// The error is about a challenge that cannot be read or that allows only what
// is too weak. [MS-NLMP] 3.1.5.1.2, 3.3.2
func Authenticate(negotiate, challenge []byte, c Credentials) ([]byte, error) {
	return system.authenticate(negotiate, challenge, c)
}

func (s source) authenticate(negotiate, answer []byte, c Credentials) ([]byte, error) {
	ch, err := readChallenge(answer)
	if err != nil {
		return nil, err
	}
	if ch.flags&flagUnicode == 0 || ch.flags&flagNTLM == 0 {
		return nil, errors.New("the server offers only old forms of NTLM")
	}
	domain, user := split(c.User)
	key := responseKey(c.Password, user, domain)

	stamp := ch.find(avTimestamp)
	signed := len(stamp) == 8
	if !signed {
		stamp = binary.LittleEndian.AppendUint64(nil, mapi.Filetime(s.now()))
	}
	var nonce [8]byte
	s.random(nonce[:])

	// NTLMv2_CLIENT_CHALLENGE. [MS-NLMP] 2.2.2.7
	temp := []byte{1, 1, 0, 0, 0, 0, 0, 0}
	temp = append(temp, stamp...)
	temp = append(temp, nonce[:]...)
	temp = append(temp, 0, 0, 0, 0)
	temp = appendPairs(temp, ch.answer(c, signed))
	temp = append(temp, 0, 0, 0, 0)
	proof := mac(key, ch.server, temp)

	lm := make([]byte, 24)
	if !signed {
		copy(lm, mac(key, ch.server, nonce[:]))
		copy(lm[16:], nonce[:])
	}
	b := message(ch.flags&flags|flagVersion, lm, append(proof, temp...), unicode(domain), unicode(user))
	if signed {
		// Without a key exchange the session's key signs. [MS-NLMP] 3.4.5.1
		copy(b[authenticateMIC:], mac(mac(key, proof), negotiate, answer, b))
	}
	return b, nil
}

// answer is the target information of the server with what the client adds.
func (ch *challenge) answer(c Credentials, signed bool) []avPair {
	var list []avPair
	var bits uint32
	for _, p := range ch.info {
		switch p.id {
		case avChannelBindings, avTargetName:
		case avFlags:
			if len(p.value) == 4 {
				bits = binary.LittleEndian.Uint32(p.value)
			}
		default:
			list = append(list, p)
		}
	}
	if signed {
		bits |= avFlagMIC
	}
	if bits != 0 {
		list = append(list, avPair{avFlags, binary.LittleEndian.AppendUint32(nil, bits)})
	}
	if c.Binding != nil {
		list = append(list, avPair{avChannelBindings, c.Binding})
	}
	if c.Target != "" {
		list = append(list, avPair{avTargetName, unicode(c.Target)})
	}
	return list
}

// message is an AUTHENTICATE_MESSAGE whose MIC is zero yet. [MS-NLMP] 2.2.1.3
func message(flags uint32, lm, nt, domain, user []byte) []byte {
	b := make([]byte, authenticateSize)
	copy(b, signature)
	b[8] = typeAuthenticate
	// LmChallengeResponse, NtChallengeResponse, DomainName, UserName,
	// Workstation, EncryptedRandomSessionKey
	for i, part := range [][]byte{lm, nt, domain, user, nil, nil} {
		field := b[12+8*i:]
		binary.LittleEndian.PutUint16(field, uint16(len(part)))
		binary.LittleEndian.PutUint16(field[2:], uint16(len(part)))
		binary.LittleEndian.PutUint32(field[4:], uint32(len(b)))
		b = append(b, part...)
	}
	binary.LittleEndian.PutUint32(b[authenticateFlags:], flags)
	copy(b[authenticateFlags+4:], version[:])
	return b
}

func split(name string) (domain, user string) {
	if d, u, ok := strings.Cut(name, `\`); ok {
		return d, u
	}
	return "", name
}

// responseKey is NTOWFv2. [MS-NLMP] 3.3.2
func responseKey(password, user, domain string) []byte {
	h := md4.New()
	h.Write(unicode(password))
	return mac(h.Sum(nil), unicode(strings.ToUpper(user)+domain))
}

func mac(key []byte, parts ...[]byte) []byte {
	h := hmac.New(md5.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}
