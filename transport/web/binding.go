package web

import (
	"crypto"
	"crypto/md5"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"slices"
)

// AV_PAIR ids. [MS-NLMP] 2.2.2.1
const (
	avEOL             = 0
	avChannelBindings = 10
)

// Fields of a CHALLENGE_MESSAGE. [MS-NLMP] 2.2.1.2
const (
	challengeTargetInfo = 40 // Len, MaxLen, BufferOffset
	challengeHeader     = 48
)

var errChallenge = errors.New("the NTLM challenge of the server is damaged")

// bind adds the channel binding to the target information of a challenge. The
// answer repeats that information under its proof, so a server with Extended
// Protection sees over which TLS connection the login was meant to go. RFC 5929
// 4, [MS-NLMP] 2.2.2.1 MsvAvChannelBindings
func bind(challenge []byte, cert *x509.Certificate) ([]byte, error) {
	if len(challenge) < challengeHeader {
		return nil, errChallenge
	}
	field := challenge[challengeTargetInfo:]
	size, at := int(binary.LittleEndian.Uint16(field)), int64(binary.LittleEndian.Uint32(field[4:]))
	if size == 0 {
		return challenge, nil // no NTLMv2 target information, nothing to bind to
	}
	if at < challengeHeader || at+int64(size) > int64(len(challenge)) {
		return nil, errChallenge
	}
	info, err := withBinding(challenge[at:at+int64(size)], bindingHash(cert))
	if err != nil {
		return nil, err
	}
	// The new list goes behind the message, where nothing else lies.
	out := append(slices.Clone(challenge), info...)
	field = out[challengeTargetInfo:]
	binary.LittleEndian.PutUint16(field, uint16(len(info)))
	binary.LittleEndian.PutUint16(field[2:], uint16(len(info)))
	binary.LittleEndian.PutUint32(field[4:], uint32(len(challenge)))
	return out, nil
}

// withBinding is a list of AV_PAIRs with the binding as its last.
func withBinding(list, hash []byte) ([]byte, error) {
	var out []byte
	for {
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
		if id != avChannelBindings {
			out = append(out, list[:4+n]...)
		}
		list = list[4+n:]
	}
	out = binary.LittleEndian.AppendUint16(out, avChannelBindings)
	out = binary.LittleEndian.AppendUint16(out, uint16(len(hash)))
	out = append(out, hash...)
	out = append(out, 0, 0, 0, 0) // MsvAvEOL
	if len(out) > 0xFFFF {
		return nil, errChallenge
	}
	return out, nil
}

// bindingHash is the MD5 of gss_channel_bindings_struct over
// tls-server-end-point. RFC 2744 3.11, RFC 5929 4.1
func bindingHash(cert *x509.Certificate) []byte {
	data := append([]byte("tls-server-end-point:"), endPoint(cert)...)
	// Initiator and acceptor have no address: two zero words each.
	b := make([]byte, 16, 20+len(data))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = append(b, data...)
	sum := md5.Sum(b)
	return sum[:]
}

// endPoint is the hash of a certificate with the hash of its signature, where
// SHA-256 stands for MD5 and SHA-1, and for signatures without one.
func endPoint(cert *x509.Certificate) []byte {
	h := crypto.SHA256
	switch cert.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		h = crypto.SHA384
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		h = crypto.SHA512
	}
	w := h.New()
	w.Write(cert.Raw)
	return w.Sum(nil)
}
