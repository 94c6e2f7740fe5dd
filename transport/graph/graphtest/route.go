package graphtest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mailconv/mailconv/transport/mem/mailbox"
)

// A route is one kind of call.
type route struct {
	// method and path select it; parts in braces take any one element.
	method, path string
	// name is the kind of the call for faults and counts.
	name string
	// scope is the least permission that it needs; "" is any token.
	scope string
	// body and reply are the types of what is sent and answered, "" for none.
	body, reply string
	h           func(*call) error
}

// Calls lists the kinds of calls in the order of the code.
func Calls() []string {
	var list []string
	for _, r := range table() {
		if !slices.Contains(list, r.name) {
			list = append(list, r.name)
		}
	}
	return append(list, "import.post", "upload.put", "upload.get", "upload.cancel", "token", "devicecode", "authorize")
}

// table is all routes of Graph.
func table() []*route {
	return slices.Concat(folderRoutes, messageRoutes, attachmentRoutes, adminRoutes, eventRoutes, contactRoutes, taskRoutes, userRoutes, batchRoutes)
}

// match finds the route of a path and what its braces stand for.
func (s *Server) match(method string, path []string) (*route, map[string]string, bool) {
	known := false
	for _, r := range s.routes {
		parts := strings.Split(r.path, "/")
		if len(parts) != len(path) {
			continue
		}
		vars := map[string]string{}
		ok := true
		for i, p := range parts {
			if strings.HasPrefix(p, "{") {
				vars[p[1:len(p)-1]] = path[i]
				continue
			}
			if !strings.EqualFold(p, path[i]) {
				ok = false
				break
			}
		}
		if !ok {
			continue
		}
		known = true
		if r.method == method {
			return r, vars, true
		}
	}
	return nil, nil, known
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("request-id", secret()[:32])
	if id := r.Header.Get("client-request-id"); id != "" {
		w.Header().Set("client-request-id", id)
	}
	w.Header().Set("Date", s.now().Format(http.TimeFormat))
	path, err := elements(r.URL)
	switch {
	case err != nil || len(path) == 0:
		http.NotFound(w, r)
	case len(path) == 4 && path[1] == "oauth2" && path[2] == "v2.0":
		s.login(w, r, path[0], path[3])
	case path[0] == "devicelogin":
		s.deviceLogin(w, r)
	case path[0] == "api" && len(path) >= 3:
		s.outlook(w, r, path)
	case path[0] == "v1.0" || path[0] == "beta":
		s.graph(w, r, path[0], path[1:])
	default:
		http.NotFound(w, r)
	}
}

// elements are the decoded elements of a path.
func elements(u *url.URL) ([]string, error) {
	var out []string
	for _, e := range strings.Split(u.EscapedPath(), "/") {
		if e == "" {
			continue
		}
		d, err := url.PathUnescape(e)
		if err != nil {
			return nil, err
		}
		// A function may stand with its namespace and its parentheses.
		d = strings.TrimPrefix(d, "microsoft.graph.")
		if d == "delta()" {
			d = "delta"
		}
		out = append(out, d)
	}
	return out, nil
}

// graph serves one request of Graph itself.
func (s *Server) graph(w http.ResponseWriter, r *http.Request, version string, path []string) {
	c := &call{s: s, ctx: r.Context(), r: r, version: version, prefer: preferences(r.Header)}
	c.immutable = strings.EqualFold(c.prefer["idtype"], "ImmutableId")
	c.vars = map[string]string{}
	me := len(path) > 0 && path[0] == "me"
	if me {
		path = append([]string{"users", "me"}, path[1:]...)
	}
	rt, vars, known := s.match(r.Method, path)
	name := "unknown"
	if rt != nil {
		name, c.route, c.vars = rt.name, rt, vars
	}
	out := &meter{ResponseWriter: w, status: http.StatusOK}
	in := &countReader{r: r.Body}
	r.Body = in
	c.w = out
	// Also when the connection is broken on order.
	defer func() {
		box := ""
		if c.box != nil {
			box = c.box.Address()
		}
		s.record(Request{Call: name, Mailbox: box, Method: r.Method, Path: r.URL.RequestURI(), Status: out.status, Sent: out.n, Received: in.n})
	}()
	err := func() error {
		who, err := s.authenticate(r.Header.Get("Authorization"))
		if err != nil {
			return err
		}
		c.who = who
		switch {
		case rt == nil && known:
			return fail(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
		case rt == nil:
			return fail(400, "BadRequest", "Resource not found for the segment '%s'.", path[len(path)-1])
		}
		if c.q, err = parseQuery(r.URL.Query()); err != nil {
			return fail(400, "BadRequest", "%v", err)
		}
		if err := c.find(me); err != nil {
			return err
		}
		return c.run(out, in)
	}()
	if err != nil {
		s.sendError(out, r, err)
	}
}

// find finds the mailbox of a call and checks the permission.
func (c *call) find(me bool) error {
	s := c.s
	if c.who.user != "" {
		c.actor, _ = s.boxes.Mailbox(c.who.user)
	}
	id, ok := c.vars["user"]
	switch {
	case me && c.who.user == "":
		return fail(400, "BadRequest", "/me request is only valid with delegated authentication flow.")
	case me:
		c.box = c.actor
	case ok:
		if c.box, ok = s.user(id); !ok {
			if c.route.reply == "graph.user" {
				return fail(404, "Request_ResourceNotFound", "Resource '%s' does not exist or one of its queried reference-property objects are not present.", id)
			}
			return fail(404, "ErrorInvalidUser", "The requested user '%s' is invalid.", id)
		}
	default:
		if id, ok = c.vars["mailbox"]; ok {
			if err := s.importAllowed(); err != nil {
				return err
			}
			if c.box, ok = s.byMailboxID(id); !ok {
				return fail(404, "ErrorInvalidMailboxId", "The mailbox '%s' is not known.", id)
			}
		}
	}
	other := c.box != nil && c.actor != nil && c.box != c.actor
	if !c.who.permits(c.route.scope, other) {
		return errDenied
	}
	if other && c.route.reply != "graph.user" && c.box.RightsOf(c.actor, 0) == 0 && !c.anywhere() {
		return errDenied
	}
	if c.box != nil && c.route.scope != "User.Read" {
		s.mu.Lock()
		no := s.unlicensed[c.box.Address()]
		s.mu.Unlock()
		if no {
			return fail(404, "MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, or is hosted on-premise.")
		}
	}
	return nil
}

// anywhere reports whether the person has a right in any folder.
func (c *call) anywhere() bool {
	root, _ := c.box.WellKnown(mailbox.Root)
	for _, f := range c.box.Folders(root.ID, true) {
		if c.box.RightsOf(c.actor, f.ID) != 0 {
			return true
		}
	}
	return false
}

// may checks the rights of a person in a folder of another's mailbox.
func (c *call) may(f mailbox.FolderID, r mailbox.Rights) error {
	if c.actor == nil || c.box.May(c.actor, f, r) {
		return nil
	}
	return errDenied
}

// run counts a call against the limits, lets the faults strike and handles it.
func (c *call) run(out *meter, in *countReader) error {
	box := ""
	if c.box != nil {
		box = c.box.Address()
		leave, err := c.s.enter(c.who.app, box, c.upload())
		if err != nil {
			return err
		}
		defer func() { leave(in.n) }()
	}
	return c.s.strike(c.ctx, out, c.route.name, box, c.r.URL.RequestURI(), func() error { return c.route.h(c) })
}

// upload is the size of a body that counts as an upload.
func (c *call) upload() int64 {
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodDelete {
		return 0
	}
	return c.r.ContentLength
}

func (s *Server) importAllowed() error {
	if s.o.Cloud != "global" {
		return fail(404, "UnknownError", "Resource not found for the segment 'admin'.")
	}
	if s.o.Quirks.NoImport {
		return fail(403, "AccessDenied", "The import and export of mailboxes is not enabled for this tenant.")
	}
	return nil
}
