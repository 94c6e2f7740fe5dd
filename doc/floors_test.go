package doc_test

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/mailconv/mailconv/"

// floors from the bottom up. A package may import packages of its own floor or
// of lower ones, within the further rules below.
var floors = [][]string{
	{"mapi"},
	{"mime", "msg"},
	{"transport"},
	{"converters"},
	{"converters/migrate"},
	{"cmd"},
}

// A rule forbids what the order of the floors alone would allow.
type rule struct{ from, to, why string }

var rules = []rule{
	{"mime", "msg", "MIME and MSG are two readings of one model and need not know each other"},
	{"msg", "mime", "MIME and MSG are two readings of one model and need not know each other"},
	{"msg/cfb", "mapi/codepage", "the container knows sectors and names, not what a property means"},
	{"converters/report", "converters/migrate", "the report reads only the ledger, so that it can be made long after the run"},
	{"converters/ledger", "converters/migrate", "the ledger does not know who writes it"},
}

// quiet lists what may not reach a network or a database, not even through
// another module: a converter compiles without either in its imports.
var quiet = []string{"mapi", "msg", "mime"}

var loud = []string{"net", "net/http", "net/smtp", "net/rpc", "crypto/tls", "database/sql", "modernc.org/sqlite", "os/exec", "plugin"}

type pkg struct {
	ImportPath, Name string
	Imports, Deps    []string
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Imports,Deps", module+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func within(path, room string) bool {
	path = strings.TrimPrefix(path, module)
	return path == room || strings.HasPrefix(path, room+"/")
}

func floor(path string) int {
	for i := len(floors) - 1; i >= 0; i-- {
		for _, room := range floors[i] {
			if within(path, room) {
				return i
			}
		}
	}
	return -1
}

func TestArrowsRunDown(t *testing.T) {
	for _, p := range list(t) {
		from := floor(p.ImportPath)
		for _, imp := range p.Imports {
			if !strings.HasPrefix(imp, module) {
				continue
			}
			if to := floor(imp); from >= 0 && to > from {
				t.Errorf("%s imports %s, which is a floor above", p.ImportPath, imp)
			}
			for _, r := range rules {
				if within(p.ImportPath, r.from) && within(imp, r.to) {
					t.Errorf("%s imports %s: %s", p.ImportPath, imp, r.why)
				}
			}
			if p.ImportPath == module+"mapi" {
				t.Errorf("mapi imports %s: the vocabulary imports nothing of ours", imp)
			}
		}
	}
}

func TestGroundFloorsAreQuiet(t *testing.T) {
	for _, p := range list(t) {
		for _, room := range quiet {
			if !within(p.ImportPath, room) || p.Name == "main" {
				continue
			}
			for _, d := range p.Deps {
				for _, l := range loud {
					if d == l {
						t.Errorf("%s reaches %s: a conversion must compile with no network, database or process package", p.ImportPath, d)
					}
				}
			}
		}
	}
}

// At most one package imports the standard library's mime, under a name that
// cannot be taken for ours.
func TestOneRoomKnowsTheOtherMime(t *testing.T) {
	var rooms []string
	for _, p := range list(t) {
		if slices.Contains(p.Imports, "mime") {
			rooms = append(rooms, p.ImportPath)
		}
	}
	if len(rooms) > 1 {
		t.Errorf("%v import mime of the standard library: one is enough", rooms)
	}
}

func TestNoRoomIsCalledUtil(t *testing.T) {
	for _, p := range list(t) {
		for _, bad := range []string{"util", "utils", "common", "helper", "helpers", "misc", "shared"} {
			if p.Name == bad {
				t.Errorf("%s is called %s: name a package by what it holds", p.ImportPath, bad)
			}
		}
	}
}
