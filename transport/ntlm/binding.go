package ntlm

import (
	"crypto"
	"crypto/md5"
	"crypto/x509"
	"encoding/binary"
)

// Binding is the hash that binds a login to the TLS connection of a server: the
// MD5 of gss_channel_bindings_struct over tls-server-end-point. RFC 2744 3.11,
// RFC 5929 4.1, [MS-NLMP] 2.2.2.1
func Binding(server *x509.Certificate) []byte {
	data := append([]byte("tls-server-end-point:"), endPoint(server)...)
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
