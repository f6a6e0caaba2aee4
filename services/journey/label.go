package journey

import "encoding/binary"

// Label is what steps know a touchpoint by, conditions apart.
type Label struct {
	Event      string
	Touchpoint TouchpointID
	Stage      StageID
}

// LabelOf is the label of a touchpoint.
func LabelOf(f *Fact, a Attribution) Label { return Label{f.Event, a.Touchpoint, a.Stage} }

// LabelBits is the size of a label's code.
const LabelBits = 22

// LabelCode stands for a label in packed journeys: 1 to 2²²−1. It is a hash, so that nobody has to
// number labels; two labels of one site may share a code, and who reads codes must see to it.
type LabelCode uint32

// Code is the label's code.
func (l Label) Code(site SiteID) LabelCode {
	sum := digest(string(site), 'l', l.Event+"\x00"+string(l.Touchpoint)+"\x00"+string(l.Stage))
	return LabelCode(max(binary.BigEndian.Uint32(sum[:4])>>(32-LabelBits), 1))
}

// Packed is a touchpoint in a packed journey: its instant in milliseconds since 1970, and the
// code of its label in the lowest 22 bits. Code 0 marks that a touchpoint of that instant was
// removed.
type Packed uint64

// Pack packs a touchpoint. The instant lies in 1970 to 2109.
func Pack(at int64, code LabelCode) Packed { return Packed(at)<<LabelBits | Packed(code) }

// At is the instant.
func (p Packed) At() int64 { return int64(p >> LabelBits) }

// Code is the code of the label, 0 for a mark.
func (p Packed) Code() LabelCode { return LabelCode(p & (1<<LabelBits - 1)) }
