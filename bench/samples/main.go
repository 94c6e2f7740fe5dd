// Samples makes the inputs of the benchmarks: many copies of real files, or
// one large message.
//
//	samples copies -n 5000 -max 102400 -glob 'PATTERN' DIR
//	samples large -size BYTES OUT.msg OUT.bin
//	samples mails -n 2000 OUT.mbox
//	samples pst -n 4200 OUT.pst
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/pst/ndb"
	"github.com/mailconv/mailconv/mapi/pst/psttest"
	"github.com/mailconv/mailconv/msg"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("samples: ")
	if len(os.Args) < 2 {
		log.Fatal("want copies, large, mails or pst")
	}
	var err error
	switch os.Args[1] {
	case "copies":
		err = copies(os.Args[2:])
	case "large":
		err = large(os.Args[2:])
	case "mails":
		err = mails(os.Args[2:])
	case "pst":
		err = archive(os.Args[2:])
	default:
		err = fmt.Errorf("there is no kind %q", os.Args[1])
	}
	if err != nil {
		log.Fatal(err)
	}
}

// copies fills a folder with n files, taken in turn from those that match.
func copies(args []string) error {
	f := flag.NewFlagSet("copies", flag.ExitOnError)
	n := f.Int("n", 1000, "number of files")
	limit := f.Int64("max", 1<<20, "largest file taken, in bytes")
	glob := f.String("glob", "", "files to take")
	if err := f.Parse(args); err != nil {
		return err
	}
	names, err := filepath.Glob(*glob)
	if err != nil {
		return err
	}
	var contents [][]byte
	for _, name := range names {
		if st, err := os.Stat(name); err != nil || st.Size() > *limit || st.Size() == 0 {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		contents = append(contents, b)
	}
	if len(contents) == 0 {
		return fmt.Errorf("nothing matches %s", *glob)
	}
	dir := f.Arg(0)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for i := range *n {
		name := filepath.Join(dir, fmt.Sprintf("%05d%s", i, filepath.Ext(names[0])))
		if err := os.WriteFile(name, contents[i%len(contents)], 0o666); err != nil {
			return err
		}
	}
	return nil
}

// noise is random content that can be opened again.
type noise struct{ size int64 }

func (n noise) Size() int64 { return n.size }

func (n noise) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(io.LimitReader(rand.NewChaCha8([32]byte{1}), n.size)), nil
}

func large(args []string) error {
	f := flag.NewFlagSet("large", flag.ExitOnError)
	size := f.Int64("size", 80<<20, "bytes of the attachment")
	if err := f.Parse(args); err != nil {
		return err
	}
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("one large attachment"))
	m.Props.Set(mapi.PidTagBody, mapi.StringValue("It is attached.\r\n"))
	a := &mapi.Attachment{}
	a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
	a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("large.bin"))
	a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, noise{*size}))
	m.Attachments = append(m.Attachments, a)
	if err := writeTo(f.Arg(0), func(w io.Writer) error { return msg.Write(context.Background(), w, m, nil) }); err != nil {
		return err
	}
	if f.Arg(1) == "" {
		return nil
	}
	return writeTo(f.Arg(1), func(w io.Writer) error {
		r, _ := noise{*size}.Open(context.Background())
		_, err := io.Copy(w, r)
		return err
	})
}

// mails writes an mbox of n mails of 0.5 to 8 kB, some of them twins, some with
// lines that begin with From.
func mails(args []string) error {
	f := flag.NewFlagSet("mails", flag.ExitOnError)
	n := f.Int("n", 2000, "number of mails")
	if err := f.Parse(args); err != nil {
		return err
	}
	return writeTo(f.Arg(0), func(w io.Writer) error {
		for i := range *n {
			id := i
			if i%50 == 49 {
				id = i - 1 // a twin of the mail before
			}
			r := rand.New(rand.NewPCG(3, uint64(id)))
			fmt.Fprintf(w, "From sample@mailconv.example Mon Mar  3 10:%02d:%02d 2025\nFrom: sample@mailconv.example\nTo: zoe@mailconv.example\n"+
				"Date: Mon, 3 Mar 2025 10:%02d:%02d +0000\nSubject: =?utf-8?q?Nummer_%d_=E2=9C=94?=\nMessage-ID: <%d.sample@mailconv.example>\n\n",
				id/60%60, id%60, id/60%60, id%60, id, id)
			for range 5 + r.IntN(100) {
				fmt.Fprintf(w, "%x%s\n", r.Uint64(), "0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGH"[:r.IntN(46)])
			}
			if id%7 == 0 {
				fmt.Fprint(w, ">From here on it is quoted.\n")
			}
			fmt.Fprintln(w)
		}
		return nil
	})
}

// archive makes a PST of n items, of some 60 KiB each.
func archive(args []string) error {
	f := flag.NewFlagSet("pst", flag.ExitOnError)
	n := f.Int("n", 4200, "number of items")
	if err := f.Parse(args); err != nil {
		return err
	}
	out, err := os.Create(f.Arg(0))
	if err != nil {
		return err
	}
	if _, err := psttest.Write(out, psttest.Mailbox(*n), &psttest.Options{Kind: ndb.Unicode, Crypt: ndb.CryptPermute}); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

func writeTo(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	if err := write(w); err != nil {
		f.Close()
		return err
	}
	if err := w.Flush(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
