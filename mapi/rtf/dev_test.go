package rtf
import ("testing";"os";"path/filepath";"bytes";"io";"time")
func TestDevSizes(t *testing.T){
 files,_:=filepath.Glob("/tmp/rtfx/out/*.lzfu")
 var orig,ours,raw int; worse:=0; probs:=map[string]int{}
 start:=time.Now()
 for _,f:=range files{ v,_:=os.ReadFile(f); r:=NewReader(bytes.NewReader(v)); b,err:=io.ReadAll(r)
  if err!=nil{t.Log(f,err);continue}
  for _,p:=range r.Problems(){probs[p.Field+" "+p.Detail[:min(20,len(p.Detail))]]++; if p.Field=="CRC"||p.Severe{t.Log(filepath.Base(f),p)}}
  if string(v[8:12])!="LZFu"{t.Log("mela",f);continue}
  c:=Compressed(b); orig+=len(v);ours+=len(c);raw+=len(b); if len(c)>len(v){worse++}
 }
 t.Log(len(files),raw,orig,ours,"worse",worse,time.Since(start),probs)
}
