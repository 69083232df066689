package ductilegrpc

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ductile-go/ductile/internal/verdict"
	"github.com/ductile-go/ductile/policy"
)

// classify returns what a handler's error says, unless the policy's own Classify is to
// decide.
func (c ServerConfig) classify(own func(error) policy.Outcome, err error) policy.Outcome {
	o := policy.Undecided
	if c.Classify != nil {
		o = c.Classify(err)
	}
	if o == policy.Undecided && own == nil {
		o = outcomeOf(err)
	}
	return o
}

// classifier returns the classifier of a policy with the Classify own.
func classifier[T any](cfg ServerConfig, own func(error) policy.Outcome) func(T, error) policy.Outcome {
	return func(_ T, err error) policy.Outcome { return cfg.classify(own, err) }
}

// ending returns what such a policy makes of the end of a call, for calls that its own
// Execute does not run.
func ending(cfg ServerConfig, own func(error) policy.Outcome) func(ctx context.Context, err error) policy.Outcome {
	return func(ctx context.Context, err error) policy.Outcome {
		if o, _ := verdict.First(ctx, err); o != policy.Undecided {
			return o
		}
		if o := cfg.classify(own, err); o != policy.Undecided {
			return o
		}
		return verdict.Last(err, own)
	}
}

// outcomeOf returns what a handler's error says about the server by its status code. It
// returns Undecided for a refusal and for an error without a status.
func outcomeOf(err error) policy.Outcome {
	if err == nil || errors.Is(err, policy.ErrRejected) {
		return policy.Undecided
	}
	st, ok := status.FromError(err)
	if !ok {
		return policy.Undecided
	}
	switch st.Code() {
	case codes.Canceled:
		return policy.Ignored
	case codes.DeadlineExceeded, codes.Unavailable, codes.ResourceExhausted, codes.Internal, codes.Unknown, codes.DataLoss:
		return policy.Failure
	}
	return policy.Success
}
