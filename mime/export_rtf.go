package mime

import "github.com/mailconv/mailconv/mapi"

func (x *exporter) rtfBody(b mapi.Blob) (plain, html *text, extra []*part, err error) {
	return nil, nil, nil, x.ctx.Err()
}
