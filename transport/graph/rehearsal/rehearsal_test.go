package rehearsal_test

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/graph/rehearsal"
	"github.com/mailconv/mailconv/transport/pst"
)

// The archive has what it says, and the tenant knows the token.
func TestRehearsal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "old.pst")
	if err := rehearsal.WriteArchive(file, 20); err != nil {
		t.Fatal(err)
	}
	if err := rehearsal.WriteArchive(file, 20); err == nil {
		t.Error("a file was overwritten")
	}
	src, err := pst.Driver().Source(context.Background(), transport.Address{Scheme: "pst", Path: file}, &transport.Env{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	classes := map[string]int{}
	for f, err := range src.Folders(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		for m, err := range src.Items(context.Background(), f, nil) {
			if err != nil {
				t.Fatal(err)
			}
			classes[m.Class]++
		}
	}
	if classes["IPM.Note"] != 20 || classes["IPM.Appointment"] != 1 || classes["IPM.Contact"] != 1 || classes["IPM.Task"] != 1 {
		t.Errorf("the archive holds %v", classes)
	}
	c, err := rehearsal.Start(rehearsal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, _ := http.NewRequestWithContext(context.Background(), "GET", c.URL()+"/me", nil)
	r.Header.Set("Authorization", "Bearer "+rehearsal.Token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); !strings.Contains(string(b), "zoe@mailconv.example") {
		t.Errorf("%s", b)
	}
	if _, err := rehearsal.Start(rehearsal.Options{Addr: "192.0.2.1:80"}); err == nil {
		t.Error("it listens for the world")
	}
}
