package spool

// Chunk sizes of buffers in memory: small mails take little, large ones few
// pieces.
const (
	firstChunk = 4 << 10
	largeChunk = 256 << 10
)

// chunkSizes are the sizes that chunks have. One that is given back is used
// again, as all that passes a copy would else be garbage.
var chunkSizes = [...]int{
	4 << 10, 8 << 10, 12 << 10, 16 << 10, 24 << 10, 32 << 10, 48 << 10, 64 << 10, 96 << 10, 128 << 10, 192 << 10, 256 << 10,
}

// maxIdle bounds the bytes of chunks that wait to be used again; those in use
// and those that wait are together within the budget.
const maxIdle = 16 << 20

// A chunk is a piece of a buffer: b holds what was written.
type chunk struct {
	b     []byte
	class int
}

// classOf is the smallest size that holds n bytes, or the largest.
func classOf(n int64) int {
	for i, size := range chunkSizes {
		if n <= int64(size) {
			return i
		}
	}
	return len(chunkSizes) - 1
}

func (c *chunk) size() int64 { return int64(chunkSizes[c.class]) }

// chunk gives a piece of the budget to a buffer that has taken held bytes so
// far, nil where the budget does not last.
func (s *Spool) chunk(class int, held int64) *chunk {
	s.mu.Lock()
	defer s.mu.Unlock()
	// One that waits and is a bit too large is better than a new one.
	for k := class + 1; len(s.idle[class]) == 0 && k < min(class+3, len(chunkSizes)); k++ {
		if len(s.idle[k]) > 0 {
			class = k
		}
	}
	n := int64(chunkSizes[class])
	if s.used+n > s.budget || held+n > max(s.budget/2, firstChunk) {
		return nil
	}
	s.used += n
	if list := s.idle[class]; len(list) > 0 {
		c := list[len(list)-1]
		list[len(list)-1] = nil
		s.idle[class] = list[:len(list)-1]
		s.idleBytes -= n
		c.b = c.b[:0]
		return c
	}
	for i := len(s.idle) - 1; s.idleBytes > 0 && s.used+s.idleBytes > s.budget; {
		if k := len(s.idle[i]); k > 0 {
			s.idle[i][k-1] = nil
			s.idle[i] = s.idle[i][:k-1]
			s.idleBytes -= int64(chunkSizes[i])
		} else {
			i--
		}
	}
	return &chunk{b: make([]byte, 0, n), class: class}
}

// giveBack takes chunks that nobody needs any more. The lock is held.
func (s *Spool) giveBack(list []*chunk) {
	for _, c := range list {
		s.used -= c.size()
		if !s.closed && s.idleBytes+c.size() <= maxIdle {
			s.idle[c.class] = append(s.idle[c.class], c)
			s.idleBytes += c.size()
		}
	}
}
