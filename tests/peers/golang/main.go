// Command peers judges files of an itil-gate audit log with the packages of the Go project:
// golang.org/x/mod/sumdb/note opens the checkpoint, sumdb/tlog checks the tree. Cosignatures are
// opened by github.com/transparency-dev/formats. It prints "ok" or says why not and ends with 1.
//
//	peers log DIR VKEY [OLD-CHECKPOINT...]      every leaf is in the tree that extends the old ones
//	peers receipt VKEY PROOF ENTRY              the proof is of this entry
//	peers consistency VKEY OLD NEW PROOF        the proof leads from one checkpoint to the other
//	peers cosigned WITNESS-VKEY CHECKPOINT      the witness cosigned it
package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ok")
}

func run(args []string) error {
	switch {
	case len(args) >= 3 && args[0] == "log":
		return checkLog(args[1], args[2], args[3:])
	case len(args) == 4 && args[0] == "receipt":
		return checkReceipt(args[1], args[2], args[3])
	case len(args) == 5 && args[0] == "consistency":
		return checkConsistency(args[1], args[2], args[3], args[4])
	case len(args) == 3 && args[0] == "cosigned":
		verifier, err := fnote.NewVerifierForCosignatureV1(args[1])
		if err != nil {
			return err
		}
		data, err := os.ReadFile(args[2])
		if err != nil {
			return err
		}
		_, err = note.Open(data, note.VerifierList(verifier))
		return err
	}
	return errors.New("usage: peers log|receipt|consistency|cosigned ...")
}

// open gives the tree of a checkpoint that the key signed, whose name is the origin.
func open(data []byte, vkey string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tlog.Tree{}, err
	}
	signed, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		return tlog.Tree{}, fmt.Errorf("the text is not a checkpoint of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	hash, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: hash}, err
}

func openFile(path, vkey string) (tlog.Tree, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	return open(data, vkey)
}

// files reads tiles of height 8 from a folder, named as C2SP tlog-tiles names them.
type files struct{ root string }

func (f files) Height() int { return 8 }

func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	found := make([][]byte, 0, len(tiles))
	for _, tile := range tiles {
		// sumdb names the height first and calls bundles "data": tile/8/0/000, not tile/0/000.
		name := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(f.root, filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func (f files) SaveTiles([]tlog.Tile, [][]byte) {}

// leaves gives the leaves of one entry bundle.
func (f files) leaves(n, width int64) ([][]byte, error) {
	tile := tlog.Tile{H: 8, L: -1, N: n, W: int(width)}
	name := strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1)
	data, err := os.ReadFile(filepath.Join(f.root, filepath.FromSlash(name)))
	if err != nil {
		return nil, err
	}
	var found [][]byte
	for len(data) >= 2 {
		length := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+length {
			break
		}
		found, data = append(found, data[2:2+length]), data[2+length:]
	}
	if len(data) != 0 || int64(len(found)) != width {
		return nil, fmt.Errorf("%s holds %d leaves and %d bytes more", name, len(found), len(data))
	}
	return found, nil
}

func checkLog(dir, vkey string, olds []string) error {
	tree, err := openFile(filepath.Join(dir, "checkpoint"), vkey)
	if err != nil {
		return err
	}
	branch := files{dir}
	reader := tlog.TileHashReader(tree, branch) // it believes no tile that the root does not prove
	for n := int64(0); n*256 < tree.N; n++ {
		leaves, err := branch.leaves(n, min(256, tree.N-n*256))
		if err != nil {
			return err
		}
		indexes := make([]int64, len(leaves))
		for at := range leaves {
			indexes[at] = tlog.StoredHashIndex(0, n*256+int64(at))
		}
		hashes, err := reader.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for at, leaf := range leaves {
			if tlog.RecordHash(leaf) != hashes[at] {
				return fmt.Errorf("leaf %d is not the one in the tree", n*256+int64(at))
			}
		}
		for _, at := range []int{0, len(leaves) - 1} {
			index := n*256 + int64(at)
			proof, err := tlog.ProveRecord(tree.N, index, reader)
			if err != nil {
				return err
			}
			err = tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(leaves[at]))
			if err != nil {
				return err
			}
		}
	}
	for _, path := range olds {
		old, err := openFile(path, vkey)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveTree(tree.N, old.N, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
			return err
		}
	}
	return nil
}

func hashesOf(lines []string) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, line := range lines {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return nil, err
		}
		found = append(found, hash)
	}
	return found, nil
}

func checkReceipt(vkey, proofPath, entryPath string) error {
	proof, err := os.ReadFile(proofPath)
	if err != nil {
		return err
	}
	entry, err := os.ReadFile(entryPath)
	if err != nil {
		return err
	}
	head, checkpoint, found := strings.Cut(string(proof), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("no tlog-proof")
	}
	leaf, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		return err
	}
	var said struct{ SHA256, T string }
	if err := json.Unmarshal(leaf, &said); err != nil {
		return err
	}
	if said.SHA256 != fmt.Sprintf("%x", sha256.Sum256(entry)) {
		return errors.New("the leaf is of another entry")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		return err
	}
	hashes, err := hashesOf(lines[3:])
	if err != nil {
		return err
	}
	tree, err := open([]byte(checkpoint), vkey)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(hashes, tree.N, tree.Hash, index, tlog.RecordHash(leaf))
}

func checkConsistency(vkey, oldPath, newPath, proofPath string) error {
	old, err := openFile(oldPath, vkey)
	if err != nil {
		return err
	}
	tree, err := openFile(newPath, vkey)
	if err != nil {
		return err
	}
	proof, err := os.ReadFile(proofPath)
	if err != nil {
		return err
	}
	hashes, err := hashesOf(strings.Fields(string(proof)))
	if err != nil {
		return err
	}
	return tlog.CheckTree(hashes, tree.N, tree.Hash, old.N, old.Hash)
}
