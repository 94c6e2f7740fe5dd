package rop

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// HeaderFlags of an RPC_HEADER_EXT. [MS-OXCRPC] 2.2.2.1
type HeaderFlags uint16

// Flags of an RPC_HEADER_EXT.
const (
	Compressed HeaderFlags = 0x0001
	XorMagic   HeaderFlags = 0x0002
	Last       HeaderFlags = 0x0004
)

const (
	headerSize = 8
	// maxPayload is what a 16-bit size can say.
	maxPayload = 0xFFFF
	xorMagic   = 0xA5
)

// ErrHeader says that an extended buffer is not one.
var ErrHeader = errors.New("rop: the extended buffer header is damaged")

// A Payload is what one RPC_HEADER_EXT carries, expanded and readable, with the
// flags it had on the wire.
type Payload struct {
	Flags HeaderFlags
	Data  []byte
}

// ParsePayloads reads the chain of extended buffers in b: up to the one that
// is marked as the last. Payloads may share memory with b.
func ParsePayloads(b []byte) ([]Payload, error) {
	var list []Payload
	for {
		if len(b) < headerSize {
			return list, fmt.Errorf("%w: %d bytes where it takes %d", ErrHeader, len(b), headerSize)
		}
		version := binary.LittleEndian.Uint16(b)
		flags := HeaderFlags(binary.LittleEndian.Uint16(b[2:]))
		size := int(binary.LittleEndian.Uint16(b[4:]))
		actual := int(binary.LittleEndian.Uint16(b[6:]))
		if version != 0 {
			return list, fmt.Errorf("%w: Version %d", ErrHeader, version)
		}
		b = b[headerSize:]
		if size > len(b) {
			return list, fmt.Errorf("%w: Size %d with %d bytes left", ErrHeader, size, len(b))
		}
		data := b[:size:size]
		b = b[size:]
		if flags&XorMagic != 0 {
			data = obfuscate(data)
		}
		if flags&Compressed != 0 {
			var err error
			if data, err = Decompress(data, actual); err != nil {
				return list, err
			}
		} else if actual != size {
			return list, fmt.Errorf("%w: SizeActual %d of %d bytes that are not compressed", ErrHeader, actual, size)
		}
		list = append(list, Payload{Flags: flags, Data: data})
		if flags&Last != 0 {
			if len(b) > 0 {
				return list, fmt.Errorf("%w: %d bytes after the last buffer", ErrHeader, len(b))
			}
			return list, nil
		}
	}
}

// AppendPayload appends one extended buffer. Data is compressed and obfuscated
// as p.Flags say; data that compression does not make smaller goes as it is.
func AppendPayload(b []byte, p Payload) ([]byte, error) {
	data, flags := p.Data, p.Flags
	if len(data) > maxPayload {
		return b, fmt.Errorf("rop: a payload of %d bytes; one extended buffer takes %d", len(data), maxPayload)
	}
	actual := len(data)
	if flags&Compressed != 0 {
		if small := Compress(data); len(small) < len(data) {
			data = small
		} else {
			flags &^= Compressed
		}
	}
	if flags&XorMagic != 0 {
		data = obfuscate(data)
	}
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(flags))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(data)))
	b = binary.LittleEndian.AppendUint16(b, uint16(actual))
	return append(b, data...), nil
}

// obfuscate hides bytes from accidental sight, or shows them again.
// [MS-OXCRPC] 3.1.4.11.1.3
func obfuscate(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		out[i] = c ^ xorMagic
	}
	return out
}
