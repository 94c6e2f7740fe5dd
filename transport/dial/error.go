package dial

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"github.com/mailconv/mailconv/transport"
)

// Error gives an error of connecting its class, [transport.Unavailable], and
// one line of cause. The end of a context is handed on as it is.
func (o *Options) Error(op string, err error) error {
	var known *transport.Error
	switch {
	case err == nil:
		return nil
	case transport.Canceled(err) && !errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &known):
		return err
	}
	remedy, cause := o.cause(err)
	return &transport.Error{Kind: transport.Unavailable, Op: op, Err: cause, Remedy: remedy}
}

// wsaRefused is what Windows calls ECONNREFUSED.
const wsaRefused = syscall.Errno(10061)

func (o *Options) cause(err error) (remedy string, cause error) {
	var (
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		alert     tls.AlertError
	)
	at := o.Addr()
	if errors.Is(err, errProxy) {
		return "check proxy=", err
	}
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "check the name", fmt.Errorf("there is no host %s", o.Host)
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, wsaRefused):
		return "check the port and whether the server runs", fmt.Errorf("%s refuses connections: %w", at, err)
	case errors.Is(err, errConnectTimeout):
		return "check the host, the port and firewalls on the way", fmt.Errorf("%s: %w", at, err)
	case errors.As(err, &authority):
		return "ca=FILE names a trusted one", fmt.Errorf("the certificate of %s is signed by an authority that is not trusted here", at)
	case errors.As(err, &name):
		return "use the name that it is for", fmt.Errorf("the certificate of %s is for another name: %w", at, err)
	case errors.As(err, &invalid):
		return "", fmt.Errorf("the certificate of %s is not valid: %w", at, err)
	case errors.As(err, &record):
		return "try tls=starttls, or another port", fmt.Errorf("%s does not speak TLS from the first byte", at)
	case errors.As(err, &alert):
		return "", fmt.Errorf("%s and mailconv find no common TLS: %w", at, err)
	case errors.Is(err, io.EOF):
		return "", fmt.Errorf("%s closed the connection", at)
	}
	return "", fmt.Errorf("%s: %w", at, err)
}

// Broken classifies an error of reading or writing in a conversation:
// [transport.Temporary], as a new connection may work. The end of a context is
// handed on as it is.
func (o *Options) Broken(op string, err error) error {
	var known *transport.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("%s does not answer", o.Addr())
	case transport.Canceled(err):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("%s closed the connection", o.Addr())
	default:
		err = fmt.Errorf("%s: %w", o.Addr(), err)
	}
	return &transport.Error{Kind: transport.Temporary, Op: op, Err: err}
}

var backoff = regexp.MustCompile(`(?i)backoff time:? *(\d{1,9}) *(milliseconds|ms|seconds|s)\b`)

// Backoff reads the wait that a server asks for in words, as Exchange does:
// "Suggested Backoff Time: 299961 milliseconds". It is 0 when there is none.
func Backoff(text string) time.Duration {
	m := backoff.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	if m[2][0] == 'm' || m[2][0] == 'M' {
		return time.Duration(n) * time.Millisecond
	}
	return time.Duration(n) * time.Second
}
