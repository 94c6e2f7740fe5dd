package transport_test

import (
	"context"
	"testing"

	"github.com/mailconv/mailconv/transport"
)

type plain struct{}

type limited struct{}

func (limited) MaxSize(context.Context) (int64, error) { return 7, nil }

type wrapper struct{ inner any }

func (w wrapper) Unwrap() any { return w.inner }

func (w wrapper) MaxSize(ctx context.Context) (int64, error) {
	l, _ := transport.As[transport.SizeLimiter](w.inner)
	n, err := l.MaxSize(ctx)
	return n - 1, err
}

func TestAsTakesTheOutermostOfWhatTheStoreHas(t *testing.T) {
	l, ok := transport.As[transport.SizeLimiter](wrapper{wrapper{limited{}}})
	if !ok {
		t.Fatal("not found")
	}
	if n, _ := l.MaxSize(t.Context()); n != 5 {
		t.Errorf("MaxSize is %d, both wrappers take one off 7", n)
	}
	if _, ok := transport.As[transport.SizeLimiter](wrapper{wrapper{plain{}}}); ok {
		t.Error("a wrapper lends the store what it does not have")
	}
	if _, ok := transport.As[transport.SizeLimiter](nil); ok {
		t.Error("nil has it")
	}
}
