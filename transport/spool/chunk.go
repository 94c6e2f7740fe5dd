package spool

import "sync"

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

var chunkPools [len(chunkSizes)]sync.Pool

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

func newChunk(class int) *chunk {
	if c, ok := chunkPools[class].Get().(*chunk); ok {
		c.b = c.b[:0]
		return c
	}
	return &chunk{b: make([]byte, 0, chunkSizes[class]), class: class}
}

func (c *chunk) free() { chunkPools[c.class].Put(c) }
