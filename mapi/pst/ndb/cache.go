package ndb

import "sync"

// A cache holds what was used lately. It keeps two generations: when the young
// one is full it becomes the old one, and what was in the old one and not
// asked for since is dropped. So each operation takes constant time and the
// memory is bounded by twice the limit of a generation.
type cache[K comparable, V any] struct {
	mu         sync.Mutex
	young, old map[K]V
	size       int
	limit      int // of one generation, in the unit of add
}

func newCache[K comparable, V any](limit int) *cache[K, V] {
	return &cache[K, V]{young: map[K]V{}, limit: limit}
}

func (c *cache[K, V]) get(k K, size func(V) int) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.young[k]
	if ok {
		return v, true
	}
	if v, ok = c.old[k]; ok {
		c.insert(k, v, size(v))
	}
	return v, ok
}

func (c *cache[K, V]) add(k K, v V, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.insert(k, v, size)
}

func (c *cache[K, V]) insert(k K, v V, size int) {
	if c.size+size > c.limit && c.size > 0 {
		c.old, c.young, c.size = c.young, make(map[K]V, len(c.young)), 0
	}
	if _, ok := c.young[k]; !ok {
		c.size += size
	}
	c.young[k] = v
}
