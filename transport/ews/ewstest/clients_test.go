package ewstest_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/transport/ews/ewstest"
	"github.com/mailconv/mailconv/transport/ews/schematest"
)

// python finds an interpreter that has a module.
func python(t *testing.T, module string) string {
	for _, p := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(p, "-c", "import "+module).Run() == nil {
			return p
		}
	}
	t.Skipf("LEFT OUT: %s is not installed (make test-deps)", module)
	return ""
}

func TestExchangelibBelievesIt(t *testing.T) {
	py := python(t, "exchangelib")
	f := start(t, ewstest.Options{Minute: 2 * time.Second, Heartbeat: 300 * time.Millisecond})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, py, filepath.Join("testdata", "exchangelib_session.py"), f.URL()).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "\ndone\n") {
		t.Fatalf("%v\n%s", err, out)
	}
	sent := f.boxes.Outbox()
	if len(sent) != 1 || sent[0].Via != "CreateItem SendAndSaveCopy" {
		t.Errorf("%d messages would have been sent: %+v", len(sent), sent)
	}
	if n := f.boxes.FailedLogins("alice@example.test"); n == 0 {
		t.Error("the wrong password was not seen")
	}
	_, replies := f.documents()
	t.Logf("%d requests, %d bodies of replies are valid", f.Requests(""), schematest.Check(t, replies))
}
