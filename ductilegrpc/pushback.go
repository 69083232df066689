package ductilegrpc

import (
	"math"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// request is what a server's answer asks of a client that would try again.
type request struct {
	never bool          // no further attempt
	asked bool          // there is a wait, maybe of 0
	exact bool          // the client waits exactly this long
	wait  time.Duration // at least 0
	quota bool          // the client has used up its quota
}

// requestOf reads the pushback in the trailer, and the details of the status.
func requestOf(st *status.Status, trailer metadata.MD) request {
	var r request
	r.readDetails(st)
	if values := trailer[pushbackKey]; len(values) > 0 {
		r.readPushback(values)
	}
	return r
}

// readPushback follows gRFC A6: what is negative, not a number, or there twice means that
// the client is not to retry.
func (r *request) readPushback(values []string) {
	ms, err := strconv.ParseInt(values[0], 10, 64)
	if len(values) > 1 || err != nil || ms < 0 {
		r.never = true
		return
	}
	r.asked, r.exact = true, true
	r.wait = time.Duration(min(ms, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
}

// readDetails takes the longest of several RetryInfos. It reads nothing else, so that a
// detail of an unknown type costs nothing.
func (r *request) readDetails(st *status.Status) {
	for _, detail := range st.Proto().GetDetails() {
		switch {
		case detail.MessageIs((*errdetails.RetryInfo)(nil)):
			info := new(errdetails.RetryInfo)
			if proto.Unmarshal(detail.GetValue(), info) == nil {
				r.asked = true
				r.wait = max(r.wait, info.GetRetryDelay().AsDuration())
			}
		case detail.MessageIs((*errdetails.QuotaFailure)(nil)):
			r.quota = true
		}
	}
}
