// Decode parses every mail of a folder and decodes all its parts, to measure
// the reader alone.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/mailconv/mailconv/mime/entity"
)

func main() {
	log.SetFlags(0)
	files, err := os.ReadDir(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range files {
		if err := decode(filepath.Join(os.Args[1], f.Name())); err != nil {
			log.Fatalf("%s: %v", f.Name(), err)
		}
	}
}

func decode(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	e, err := entity.Parse(f, st.Size(), nil)
	if err != nil {
		return err
	}
	e.Walk(func(p *entity.Entity) bool {
		if len(p.Parts) > 0 || err != nil {
			return true
		}
		var r io.ReadCloser
		if r, err = p.Content().Open(context.Background()); err != nil {
			return false
		}
		_, err = io.Copy(io.Discard, r)
		r.Close()
		return err == nil
	})
	return err
}
