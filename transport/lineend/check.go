package lineend

import "bytes"

// A Check looks at the bytes of a mail that are written to it for bare CR, bare
// LF and NUL, which servers change. Its zero value has seen nothing.
type Check struct {
	found bool
	cr    bool // the last byte was CR
}

// Clean reports whether all bytes so far are clean: each CR and each LF belongs
// to a pair, and there is no NUL.
func (c *Check) Clean() bool { return !c.found && !c.cr }

// Write implements io.Writer. It does not fail.
func (c *Check) Write(p []byte) (int, error) {
	if !c.found && len(p) > 0 {
		c.scan(p)
	}
	return len(p), nil
}

// scan looks at more bytes. Where all is well, which is nearly always, each CR
// and each LF belongs to a pair.
func (c *Check) scan(p []byte) {
	before, first := c.cr, p[0] == '\n'
	c.cr = p[len(p)-1] == '\r'
	crs, lfs := bytes.Count(p, []byte{'\r'}), bytes.Count(p, []byte{'\n'})
	if c.cr {
		crs-- // the begin of a pair
	}
	if first {
		lfs-- // the end of one
	}
	c.found = before != first || crs != lfs || bytes.IndexByte(p, 0) >= 0 || evenLines(p) != lfs && lineEnds(p) != lfs
}

// lineEnds counts pairs of CR and LF.
func lineEnds(p []byte) (n int) {
	for i := bytes.IndexByte(p, '\r'); i >= 0 && i+1 < len(p); {
		if p[i+1] == '\n' {
			n++
		}
		k := bytes.IndexByte(p[i+1:], '\r')
		if k < 0 {
			break
		}
		i += 1 + k
	}
	return n
}

// evenLines is lineEnds, and may count too few: a line that could be as long as
// the one before it, as the lines of an encoded body are, is not searched.
func evenLines(p []byte) (n int) {
	at, length := 0, 0
	for at < len(p) {
		if end := at + length; length > 1 && end <= len(p) && p[end-1] == '\n' && p[end-2] == '\r' {
			n, at = n+1, end
			continue
		}
		k := bytes.IndexByte(p[at:], '\n')
		if k < 0 {
			break
		}
		if k > 0 && p[at+k-1] == '\r' {
			n++
		}
		at, length = at+k+1, k+1
	}
	return n
}
