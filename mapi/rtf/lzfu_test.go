package rtf

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mailconv/mailconv/mapi"
)

func decompress(t testing.TB, value []byte) (string, mapi.Problems) {
	t.Helper()
	r := NewReader(bytes.NewReader(value))
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("decompress: %v", err)
	}
	slow, err := io.ReadAll(NewReader(iotest.OneByteReader(bytes.NewReader(value))))
	if err != nil || !bytes.Equal(slow, b) {
		t.Fatalf("byte by byte: %d bytes, %v; at once: %d", len(slow), err, len(b))
	}
	return string(b), r.Problems()
}

// The examples of [MS-OXRTFCP] 4.1: a text, and one in which references run
// into what they write.
var specValues = []struct{ value, text string }{
	{
		"\x2d\x00\x00\x00\x2b\x00\x00\x00\x4c\x5a\x46\x75\xf1\xc5\xc7\xa7\x03\x00\x0a\x00\x72\x63\x70\x67\x31\x32\x35\x42" +
			"\x32\x0a\xf3\x20\x68\x65\x6c\x09\x00\x20\x62\x77\x05\xb0\x6c\x64\x7d\x0a\x80\x0f\xa0",
		"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n",
	},
	{
		"\x1a\x00\x00\x00\x1c\x00\x00\x00\x4c\x5a\x46\x75\xe2\xd4\x4b\x51\x41\x00\x04\x20\x57\x58\x59\x5a\x0d\x6e\x7d\x01\x0e\xb0",
		"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}",
	},
}

func TestDecompressSpecExamples(t *testing.T) {
	if len(preset) != 207 {
		t.Fatalf("the preset dictionary has %d bytes, want 207", len(preset))
	}
	for _, v := range specValues {
		got, problems := decompress(t, []byte(v.value))
		if got != v.text || len(problems) != 0 {
			t.Errorf("got %q, %v, want %q", got, problems, v.text)
		}
		if c := Compressed([]byte(v.text)); len(c) > len(v.value) {
			t.Errorf("%q: compressed to %d bytes, the specification's example has %d", v.text, len(c), len(v.value))
		}
	}
}

// sampleText is text with the repetitions of mail, from a fixed recipe.
func sampleText(n int) []byte {
	var b bytes.Buffer
	h := fnv.New64a()
	for i := 0; b.Len() < n; i++ {
		fmt.Fprint(h, i)
		s := h.Sum64()
		fmt.Fprintf(&b, "{\\*\\htmltag%d <p class=MsoNormal>}\\htmlrtf \\par\\htmlrtf0 word%d line %x\r\n", s%250, s%97, s>>40)
	}
	return b.Bytes()[:n]
}

func TestCompressRoundTrip(t *testing.T) {
	texts := [][]byte{nil, []byte("a"), []byte("{\\rtf1}"), bytes.Repeat([]byte{0}, 5000), bytes.Repeat([]byte("ab"), 40000), []byte(preset)}
	for _, n := range []int{100, 4095, 4096, 4097, 32 << 10, 32<<10 + 1, 200_000, 6 << 20} {
		texts = append(texts, sampleText(n))
	}
	for _, text := range texts {
		var w bytes.Buffer
		if err := Compress(context.Background(), &w, mapi.Bytes(text)); err != nil {
			t.Fatal(err)
		}
		if c := Compressed(text); !bytes.Equal(c, w.Bytes()) {
			t.Errorf("%d bytes: two ways to compress differ", len(text))
		}
		r := NewReader(&w)
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, text) || len(r.Problems()) != 0 {
			t.Errorf("%d bytes come back as %d, %v, %v", len(text), len(got), err, r.Problems())
		}
		w.Reset()
		if err := Store(context.Background(), &w, mapi.Bytes(text)); err != nil {
			t.Fatal(err)
		}
		r.Reset(&w)
		got, err = io.ReadAll(r)
		if err != nil || !bytes.Equal(got, text) || len(r.Problems()) != 0 {
			t.Errorf("MELA: %d bytes come back as %d, %v, %v", len(text), len(got), err, r.Problems())
		}
	}
}

// TestT08WrongSizes: sizes that are off, by the 12 bytes of header or
// otherwise, cost a problem and no text.
func TestT08WrongSizes(t *testing.T) {
	text := string(sampleText(3000)) + "}"
	for _, stored := range []bool{false, true} {
		good := Compressed([]byte(text))
		if stored {
			var w bytes.Buffer
			Store(context.Background(), &w, mapi.Bytes(text))
			good = w.Bytes()
		}
		for _, field := range []int{0, 4} {
			for _, delta := range []int32{-12, 12, -16, 4, 100, -2000, 1 << 30} {
				bad := bytes.Clone(good)
				n := int32(binary.LittleEndian.Uint32(bad[field:]))
				binary.LittleEndian.PutUint32(bad[field:], uint32(n+delta))
				got, problems := decompress(t, bad)
				if got != text {
					t.Errorf("stored %v, field at %d off by %d: %d bytes of %d", stored, field, delta, len(got), len(text))
				}
				if len(problems) == 0 && !(field == 0 && delta < 0) {
					t.Errorf("stored %v, field at %d off by %d: no problem", stored, field, delta)
				}
			}
		}
		for _, padding := range []string{"\x00", strings.Repeat("\x00", 700)} {
			if got, problems := decompress(t, append(bytes.Clone(good), padding...)); got != text || problems.Severe() {
				t.Errorf("stored %v, padded: %d bytes of %d, %v", stored, len(got), len(text), problems)
			}
		}
	}
}

func TestDecompressDamage(t *testing.T) {
	text := string(sampleText(3000))
	good := Compressed([]byte(text))
	bad := bytes.Clone(good)
	bad[12] ^= 1
	if got, problems := decompress(t, bad); got != text || len(problems) != 1 || problems[0].Field != "CRC" {
		t.Errorf("wrong CRC: %d bytes, %v", len(got), problems)
	}
	got, problems := decompress(t, good[:len(good)/2])
	if !strings.HasPrefix(text, got) || len(got) < 500 || !problems.Severe() {
		t.Errorf("cut: %d bytes, %v", len(got), problems)
	}
	if got, problems := decompress(t, []byte("{\\rtf1 plain}")); got != "{\\rtf1 plain}" || len(problems) != 1 {
		t.Errorf("without a header: %q, %v", got, problems)
	}
	for _, v := range []string{"", "LZFu", strings.Repeat("x", 100)} {
		var fe *mapi.FormatError
		if _, err := io.ReadAll(NewReader(strings.NewReader(v))); !errors.As(err, &fe) {
			t.Errorf("%q: %v, want a FormatError", v, err)
		}
	}
	boom := errors.New("boom")
	if _, err := io.ReadAll(NewReader(io.MultiReader(bytes.NewReader(good[:100]), iotest.ErrReader(boom)))); err != boom {
		t.Errorf("a source that fails: %v", err)
	}
}

func FuzzDecompress(f *testing.F) {
	for _, v := range specValues {
		f.Add([]byte(v.value))
	}
	f.Add(Compressed(sampleText(500)))
	f.Fuzz(func(t *testing.T, value []byte) {
		r := NewReader(bytes.NewReader(value))
		n, err := io.Copy(io.Discard, r)
		if n > int64(len(value))*9+64 {
			t.Fatalf("%d bytes give %d", len(value), n)
		}
		if err == nil && n == 0 && len(r.Problems()) == 0 && len(value) > 40 && value[16] != 1 {
			t.Logf("nothing comes of %d bytes", len(value))
		}
		text := Compressed(value)
		got, err := io.ReadAll(NewReader(bytes.NewReader(text)))
		if err != nil || !bytes.Equal(got, value) {
			t.Fatalf("round trip: %v", err)
		}
	})
}

func BenchmarkDecompress(b *testing.B) {
	value := Compressed(sampleText(100_000))
	r := NewReader(nil)
	b.SetBytes(100_000)
	b.ReportAllocs()
	for b.Loop() {
		r.Reset(bytes.NewReader(value))
		if n, err := io.Copy(io.Discard, r); n != 100_000 || err != nil {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkCompress(b *testing.B) {
	text := sampleText(100_000)
	b.SetBytes(100_000)
	b.ReportAllocs()
	for b.Loop() {
		Compressed(text)
	}
}
