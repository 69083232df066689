package retryablehttp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

type (
	ReaderFunc          func() (io.Reader, error)
	ResponseHandlerFunc func(*http.Response) error
)

type LenReader interface{ Len() int }

// Request is a request whose body, if it came as a function or in memory, has a GetBody.
// What came as a reader is left to the Transport.
type Request struct {
	*http.Request
	handle ResponseHandlerFunc
}

func FromRequest(r *http.Request) (*Request, error) { return &Request{Request: r}, nil }

func NewRequest(method, url string, body interface{}) (*Request, error) {
	return NewRequestWithContext(context.Background(), method, url, body)
}

func NewRequestWithContext(ctx context.Context, method, url string, body interface{}) (*Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	req := &Request{Request: r}
	return req, req.SetBody(body)
}

func (r *Request) WithContext(ctx context.Context) *Request {
	return &Request{Request: r.Request.WithContext(ctx), handle: r.handle}
}

func (r *Request) SetResponseHandler(fn ResponseHandlerFunc) { r.handle = fn }

func (r *Request) SetBody(body interface{}) error {
	var src io.Reader
	switch b := body.(type) {
	case nil:
		src = bytes.NewReader(nil)
	case []byte:
		src = bytes.NewReader(b)
	case ReaderFunc:
		return r.setFunc(b)
	case func() (io.Reader, error):
		return r.setFunc(b)
	case io.Reader:
		src = b
	default:
		return fmt.Errorf("cannot handle type %T", body)
	}
	model, err := http.NewRequest(http.MethodPut, "/", src)
	if err != nil {
		return err
	}
	r.Body, r.GetBody, r.ContentLength = model.Body, model.GetBody, model.ContentLength
	return nil
}

func (r *Request) setFunc(open ReaderFunc) error {
	src, err := open()
	if err != nil {
		return err
	}
	r.ContentLength = -1
	if l, ok := src.(LenReader); ok {
		r.ContentLength = int64(l.Len())
	}
	r.Body = closable(src)
	r.GetBody = func() (io.ReadCloser, error) {
		src, err := open()
		if err != nil {
			return nil, err
		}
		return closable(src), nil
	}
	return nil
}

func closable(src io.Reader) io.ReadCloser {
	if c, ok := src.(io.ReadCloser); ok {
		return c
	}
	return io.NopCloser(src)
}

func (r *Request) BodyBytes() ([]byte, error) {
	var all bytes.Buffer
	_, err := r.WriteTo(&all)
	return all.Bytes(), err
}

func (r *Request) WriteTo(w io.Writer) (int64, error) {
	if r.GetBody == nil {
		return 0, errors.New("the body is a stream")
	}
	body, err := r.GetBody()
	if err != nil {
		return 0, err
	}
	defer body.Close()
	return io.Copy(w, body)
}
