package sim

import "fmt"

// plain is the variant of a scenario that names none.
const plain = "plain"

func clientName(name string, i int) string {
	switch {
	case name != "":
		return name
	case i == 0:
		return "client"
	}
	return fmt.Sprintf("client %d", i+1)
}

// withDefaults returns a copy with defaults that shares no slice with s.
func (s Scenario) withDefaults() Scenario {
	s.Clients = append([]Client(nil), s.Clients...)
	for i := range s.Clients {
		c := &s.Clients[i]
		c.Name = clientName(c.Name, i)
		c.Replicas = max(1, c.Replicas)
		c.Classes = append([]Class(nil), c.Classes...)
	}
	s.Services = append([]Service(nil), s.Services...)
	for i := range s.Services {
		h := &s.Services[i]
		h.Replicas = max(1, h.Replicas)
		h.Calls = append([]string(nil), h.Calls...)
		if h.Balance == "" {
			h.Balance = RoundRobin
		}
		if h.HitRatio > 0 && h.Entries == 0 {
			h.Entries = 1000
		}
	}
	s.Faults = append([]Fault(nil), s.Faults...)
	s.Expect = append([]Expect(nil), s.Expect...)
	s.Variants = append([]Variant(nil), s.Variants...)
	if len(s.Variants) == 0 {
		s.Variants = []Variant{{Name: plain}}
	}
	return s
}
