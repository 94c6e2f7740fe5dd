package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"filippo.io/age"
	"github.com/zalando/go-keyring"

	"github.com/mailconv/mailconv/transport"
)

// ErrNotFound means that there is no secret of the name.
var ErrNotFound = errors.New("no secret is stored under this name")

// A Store keeps secrets by name. It may be used by several goroutines at once.
type Store interface {
	Get(name string) (string, error) // ErrNotFound when there is none
	Set(name, value string) error
	Delete(name string) error // nil when there is none
	// Where says in a few words where the secrets lie.
	Where() string
}

// service is the name under which a keyring lists our secrets.
const service = "mailconv"

// Keyring is that of the system: Keychain, Credential Manager, Secret Service.
func Keyring() Store { return ring{} }

type ring struct{}

func (ring) Where() string { return "the system's keyring" }

func (ring) Get(name string) (string, error) {
	s, err := keyring.Get(service, name)
	if errors.Is(err, keyring.ErrNotFound) {
		return "", ErrNotFound
	}
	return s, err
}

func (ring) Set(name, value string) error { return keyring.Set(service, name, value) }

func (ring) Delete(name string) error {
	if err := keyring.Delete(service, name); err != nil && !errors.Is(err, keyring.ErrNotFound) {
		return err
	}
	return nil
}

// File keeps secrets in one file of mode 0600. keyFile names a file of age
// identities, with which it is encrypted; "" leaves it readable.
func File(path, keyFile string) Store { return &file{path: path, key: keyFile} }

type file struct {
	path, key string
	mu        sync.Mutex
}

func (f *file) Where() string {
	if f.key != "" {
		return f.path + " (encrypted)"
	}
	return f.path
}

// maxFile bounds what is read; thousands of logins fit.
const maxFile = 64 << 20

// identities are the keys of the key file.
func (f *file) identities() ([]age.Identity, error) {
	k, err := os.Open(f.key)
	if err != nil {
		return nil, &transport.Error{Kind: transport.Usage, Op: "key file", Err: err, Remedy: "age-keygen -o FILE makes one"}
	}
	defer k.Close()
	ids, err := age.ParseIdentities(k)
	if err != nil {
		// The library's error may quote the line.
		return nil, &transport.Error{Kind: transport.Usage, Op: "key file", Err: fmt.Errorf("%s holds no age identity", f.key), Remedy: "age-keygen -o FILE makes one"}
	}
	return ids, nil
}

func (f *file) load() (map[string]string, error) {
	m := map[string]string{}
	in, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return nil, err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, maxFile))
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(data, []byte("age-encryption.org/")) {
		if f.key == "" {
			return nil, &transport.Error{Kind: transport.Usage, Op: "secrets", Err: fmt.Errorf("%s is encrypted", f.path), Remedy: "name its key file in MAILCONV_KEY_FILE"}
		}
		ids, err := f.identities()
		if err != nil {
			return nil, err
		}
		r, err := age.Decrypt(bytes.NewReader(data), ids...)
		if err == nil {
			data, err = io.ReadAll(io.LimitReader(r, maxFile))
		}
		if err != nil {
			return nil, &transport.Error{Kind: transport.Usage, Op: "secrets", Err: fmt.Errorf("%s cannot be decrypted with %s: %w", f.path, f.key, err)}
		}
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("%s is damaged", f.path)
	}
	return m, nil
}

// save writes a new file and puts it in the place of the old one.
func (f *file) save(m map[string]string) (err error) {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if f.key != "" {
		if data, err = f.encrypt(data); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return err
	}
	// CreateTemp makes files of mode 0600.
	t, err := os.CreateTemp(filepath.Dir(f.path), ".mailconv-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(t.Name())
		}
	}()
	_, err = t.Write(data)
	if err == nil {
		err = t.Sync()
	}
	if err = errors.Join(err, t.Close()); err != nil {
		return err
	}
	return os.Rename(t.Name(), f.path)
}

func (f *file) encrypt(data []byte) ([]byte, error) {
	ids, err := f.identities()
	if err != nil {
		return nil, err
	}
	var to []age.Recipient
	for _, id := range ids {
		switch id := id.(type) {
		case *age.X25519Identity:
			to = append(to, id.Recipient())
		case *age.HybridIdentity:
			to = append(to, id.Recipient())
		}
	}
	if len(to) == 0 {
		return nil, &transport.Error{Kind: transport.Usage, Op: "key file", Err: fmt.Errorf("%s holds no key to encrypt with", f.key)}
	}
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to...)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (f *file) Get(name string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m, err := f.load()
	if err != nil {
		return "", err
	}
	s, ok := m[name]
	if !ok {
		return "", ErrNotFound
	}
	return s, nil
}

func (f *file) Set(name, value string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	m, err := f.load()
	if err != nil {
		return err
	}
	m[name] = value
	return f.save(m)
}

func (f *file) Delete(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	m, err := f.load()
	if err != nil {
		return err
	}
	if _, ok := m[name]; !ok {
		return nil
	}
	delete(m, name)
	return f.save(m)
}

// First is a store that writes into a as long as that works, else into b, and
// looks in both.
func First(a, b Store) Store { return &first{a: a, b: b, last: a} }

type first struct {
	a, b Store
	mu   sync.Mutex
	last Store
}

// Where is the place of what was written last.
func (f *first) Where() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last.Where()
}

func (f *first) note(s Store) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = s
}

func (f *first) Get(name string) (string, error) {
	s, err := f.a.Get(name)
	if err == nil {
		return s, nil
	}
	return f.b.Get(name)
}

func (f *first) Set(name, value string) error {
	if f.a.Set(name, value) == nil {
		f.note(f.a)
		return f.b.Delete(name) // an older one must not come back
	}
	f.note(f.b)
	if err := f.b.Set(name, value); err != nil {
		return err
	}
	f.a.Delete(name) //nolint:errcheck // a keyring that is not there has none
	return nil
}

func (f *first) Delete(name string) error {
	errA, errB := f.a.Delete(name), f.b.Delete(name)
	if errB != nil {
		return errB
	}
	if _, err := f.a.Get(name); err == nil {
		return errA // still there
	}
	return nil
}

// KeyFile is the environment variable that names the key of the file.
const KeyFile = "MAILCONV_KEY_FILE"

// Default is the keyring, and where that does not work a file in the user's
// folder for configuration. When MAILCONV_KEY_FILE is set it is that file
// alone, encrypted: who gives a key wants it used.
func Default() (Store, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return nil, &transport.Error{Kind: transport.Usage, Op: "secrets", Err: err}
	}
	path := filepath.Join(dir, "mailconv", "secrets")
	if key := os.Getenv(KeyFile); key != "" {
		return File(path+".age", key), nil
	}
	return First(Keyring(), File(path+".json", "")), nil
}
