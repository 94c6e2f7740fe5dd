package graph_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/clock"
	"github.com/mailconv/mailconv/transport/graph"
	"github.com/mailconv/mailconv/transport/graph/graphtest"
	"github.com/mailconv/mailconv/transport/web"
)

// largeSize is the largest attachment that the service takes.
var largeSize = 150 << 20

func init() {
	if !thorough {
		largeSize = 24 << 20
	}
}

// large writes one item with a large attachment, reads it back in both forms,
// and tells how much memory that took.
func large(ctx context.Context, a transport.Address, env *transport.Env) error {
	cl, err := web.Open(ctx, a, env, web.Options{Auth: web.Bearer})
	if err != nil {
		return err
	}
	// The service takes 150 MB in five minutes, and the store waits for that.
	// Here the clock does.
	st, err := graph.Open(ctx, graph.Options{
		Client: cl, Mailbox: a.User + "@" + a.Host, Route: graph.Route(a.Params.Get("route")), Env: env, Limits: graph.NewLimits(clock.NewFake(time.Now())),
	})
	if err != nil {
		return err
	}
	defer st.Close()
	f, err := st.Ensure(ctx, transport.Folder{Path: []string{"Large"}})
	if err != nil {
		return err
	}
	m := mailOf(2)
	att := &mapi.Attachment{}
	att.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
	att.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue("large.bin"))
	att.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, pattern(largeSize)))
	m.Attachments = append(m.Attachments, att)
	r, err := st.Put(ctx, f, transport.Meta{Token: "one"}, &transport.Content{Form: transport.FormObject, Object: m})
	if err != nil {
		return err
	}
	for _, form := range []transport.Form{transport.FormObject, transport.FormMIME} {
		for fe, err := range st.Fetch(ctx, f, []transport.Key{r.Ref}, []transport.Form{form}) {
			if err = errors.Join(err, fe.Err); err != nil {
				return err
			}
			n := int64(0)
			if form == transport.FormObject {
				list := fe.Content.Object.Attachments
				if len(list) != 1 {
					return fmt.Errorf("%d attachments came back", len(list))
				}
				n, err = equal(ctx, list[0].Data(), pattern(largeSize))
			} else {
				n, err = drain(ctx, fe.Content.MIME)
			}
			if err == nil && n < int64(largeSize) {
				err = fmt.Errorf("%d bytes came back as %s", n, form)
			}
			if err = errors.Join(err, fe.Content.Close()); err != nil {
				return err
			}
		}
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for line := range strings.SplitSeq(string(status), "\n") {
		if strings.HasPrefix(line, "VmHWM:") {
			fmt.Println(line)
		}
	}
	return nil
}

func drain(ctx context.Context, b mapi.Blob) (int64, error) {
	r, err := b.Open(ctx)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	return io.Copy(io.Discard, r)
}

// equal compares without holding either.
func equal(ctx context.Context, a, b mapi.Blob) (n int64, err error) {
	x, err := a.Open(ctx)
	if err != nil {
		return 0, err
	}
	defer x.Close()
	y, err := b.Open(ctx)
	if err != nil {
		return 0, err
	}
	defer y.Close()
	p, q := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		i, err1 := io.ReadFull(x, p)
		j, err2 := io.ReadFull(y, q)
		if string(p[:i]) != string(q[:j]) {
			return n, fmt.Errorf("another content from byte %d on", n)
		}
		n += int64(i)
		if err1 != nil || err2 != nil {
			return n, nil //nolint:nilerr // their ends
		}
	}
}

// 150 MB go both ways, by both routes, in less than 64 MiB of memory.
func TestLargeAttachmentsTakeLittleMemory(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the race detector, which runs short tests, takes memory of its own")
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("the system does not tell the memory of a process")
	}
	for _, route := range []string{"import", "json"} {
		t.Run(route, func(t *testing.T) {
			s := start(t, graphtest.Options{Limits: graphtest.Limits{Requests: 1 << 30, Upload: 1 << 40, Message: 400 << 20}})
			out, err := command(t, s, "large", address(s, "route", route), "TMPDIR="+t.TempDir()).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			f := strings.Fields(string(out))
			if len(f) != 3 || f[0] != "VmHWM:" {
				t.Fatalf("%s", out)
			}
			kb, err := strconv.Atoi(f[1])
			if err != nil || kb > 64<<10 {
				t.Errorf("%s: the peak is %s kB", route, f[1])
			}
			t.Logf("peak %.1f MiB", float64(kb)/1024)
		})
	}
}
