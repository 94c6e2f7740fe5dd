package rop

// NewResult is the body that an answer with a code has, with zero fields; nil
// where it has none. A server needs it for the operations whose failures have
// fields too.
func NewResult(id ID, code Code) Body {
	s := operations[id]
	if s.failure != nil && code != Success {
		if b := s.failure(code); b != nil {
			return b
		}
	}
	if s.result != nil && (code == Success || s.always) {
		return s.result()
	}
	return nil
}
