package ductilegrpc

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/ductile-go/ductile/pipeline"
)

// WithPipeline returns an option that runs one call through p, as if it were
// Config.Pipeline. The last of several WithPipeline wins. It panics if p is nil.
func WithPipeline(p *pipeline.Pipeline[*Reply]) grpc.CallOption {
	if p == nil {
		panic("ductilegrpc: WithPipeline: p is nil, want a pipeline")
	}
	return pipelineOption{p: p}
}

// NoRetry returns an option that sends one call once: it is neither repeated nor hedged. The
// other policies apply.
func NoRetry() grpc.CallOption { return onceOption{} }

type pipelineOption struct {
	grpc.EmptyCallOption
	p *pipeline.Pipeline[*Reply]
}

type onceOption struct{ grpc.EmptyCallOption }

// options are the options of one call. Attempts side by side would all write to the
// caller's variables and call its functions, so the options that ask for that are taken out
// here and served once, when the call has ended.
type options struct {
	rest     []grpc.CallOption // for each attempt
	headers  []*metadata.MD
	trailers []*metadata.MD
	peers    []*peer.Peer
	finish   []func(error)
	pipeline *pipeline.Pipeline[*Reply]
	once     bool
}

// split reads the options of a call. It does not change all.
func split(all []grpc.CallOption) (o options) {
	kept := 0
	for _, option := range all {
		if !o.take(option) {
			kept++
		}
	}
	if kept == len(all) {
		o.rest = all
		return o
	}
	o.rest = make([]grpc.CallOption, 0, kept)
	for _, option := range all {
		var none options
		if !none.take(option) {
			o.rest = append(o.rest, option)
		}
	}
	return o
}

// take reports whether an option is ours to serve.
func (o *options) take(option grpc.CallOption) bool {
	switch option := option.(type) {
	case grpc.HeaderCallOption:
		o.headers = append(o.headers, option.HeaderAddr)
	case grpc.TrailerCallOption:
		o.trailers = append(o.trailers, option.TrailerAddr)
	case grpc.PeerCallOption:
		o.peers = append(o.peers, option.PeerAddr)
	case grpc.OnFinishCallOption:
		o.finish = append(o.finish, option.OnFinish)
	case pipelineOption:
		o.pipeline = option.p
	case onceOption:
		o.once = true
	default:
		return false
	}
	return true
}

// otherCodec reports whether the messages may be of other types than those of the .proto.
func (o *options) otherCodec() bool {
	for _, option := range o.rest {
		switch option := option.(type) {
		case grpc.ForceCodecCallOption, grpc.ForceCodecV2CallOption, grpc.CustomCodecCallOption:
			return true
		case grpc.ContentSubtypeCallOption:
			if option.ContentSubtype != "proto" {
				return true
			}
		}
	}
	return false
}

// with returns the options of one attempt, in memory of its own.
func (o *options) with(own ...grpc.CallOption) []grpc.CallOption {
	return append(o.rest[:len(o.rest):len(o.rest)], own...)
}

// serve gives the caller what it asked for.
func (o *options) serve(header, trailer metadata.MD, from *peer.Peer) {
	for _, h := range o.headers {
		*h = header.Copy()
	}
	for _, t := range o.trailers {
		*t = trailer.Copy()
	}
	if from == nil || from.Addr == nil {
		return
	}
	for _, p := range o.peers {
		*p = *from
	}
}

// finished calls the functions of grpc.OnFinish.
func (o *options) finished(err error) {
	for _, f := range o.finish {
		f(err)
	}
}
