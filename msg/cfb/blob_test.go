package cfb_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/msg/cfb"
)

func TestBlobIsTheFileWithItsSize(t *testing.T) {
	root := &mapi.Storage{Streams: []mapi.Stream{
		{Name: "small", Data: mapi.Bytes("a")},
		{Name: "large", Data: mapi.Bytes(make([]byte, 100_000))},
	}}
	var want bytes.Buffer
	if err := cfb.Write(context.Background(), &want, root, nil); err != nil {
		t.Fatal(err)
	}
	b, err := cfb.NewBlob(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	if b.Size() != int64(want.Len()) {
		t.Errorf("the size is %d, the file has %d bytes", b.Size(), want.Len())
	}
	for range 2 {
		got, err := mapi.ReadBlob(context.Background(), b, 1<<20)
		if err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Errorf("the blob delivers other bytes than the file (%v)", err)
		}
	}
	r, err := b.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	r.Close() // whoever stops early leaves no goroutine behind
}
