package graphtest

import (
	"context"
	"io"
	"net/http"
)

// A meter counts what is answered, and breaks the connection where a fault says
// so.
type meter struct {
	http.ResponseWriter
	status int
	n      int64
	wrote  bool
	// lose and cut are those of a Fault.
	lose bool
	cut  int64
}

func (m *meter) WriteHeader(status int) {
	if m.lose {
		panic(http.ErrAbortHandler)
	}
	m.status, m.wrote = status, true
	m.ResponseWriter.WriteHeader(status)
}

func (m *meter) Write(p []byte) (int, error) {
	if m.lose {
		panic(http.ErrAbortHandler)
	}
	m.wrote = true
	if m.cut > 0 && m.n+int64(len(p)) > m.cut {
		n, _ := m.ResponseWriter.Write(p[:m.cut-m.n])
		m.n += int64(n)
		if f, ok := m.ResponseWriter.(http.Flusher); ok {
			f.Flush()
		}
		panic(http.ErrAbortHandler)
	}
	n, err := m.ResponseWriter.Write(p)
	m.n += int64(n)
	return n, err
}

// A countReader counts what is read of a request.
type countReader struct {
	r io.ReadCloser
	n int64
}

func (c *countReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (c *countReader) Close() error { return c.r.Close() }

// strike does a call as far as the faults that were ordered for it let it.
func (s *Server) strike(ctx context.Context, out *meter, name, box, path string, do func() error) error {
	f := s.fault(name, box, path)
	if f == nil {
		return do()
	}
	if f.Stall > 0 {
		if err := s.o.Clock.Sleep(ctx, f.Stall); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
	if f.Drop {
		panic(http.ErrAbortHandler)
	}
	if e := f.refuse(); e != nil {
		return e
	}
	if f.Garbage {
		out.Header().Set("Content-Type", "text/html")
		out.WriteHeader(http.StatusOK)
		_, err := io.WriteString(out, "<!doctype html><title>Please wait</title><p>Checking your browser.")
		return err
	}
	out.lose, out.cut = f.Lose, f.Cut
	err := do()
	if f.Lose {
		panic(http.ErrAbortHandler)
	}
	return err
}
