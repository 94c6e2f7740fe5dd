package rtf
import ("testing";"os";"path/filepath";"bytes";"io";"strings";"fmt";"unicode/utf8";"regexp";"html";"github.com/mailconv/mailconv/mapi";"github.com/mailconv/mailconv/mapi/codepage")
var tagRE=regexp.MustCompile(`(?is)<!--.*?-->|<style.*?</style>|<script.*?</script>|<head.*?</head>|<[^>]*>`)
func wordsOf(s string) []string { return strings.FieldsFunc(s, func(r rune) bool { return r<=' '||r==0xa0||strings.ContainsRune(".,;:!?()[]<>\"'",r)}) }
func textOf(h string) string { return html.UnescapeString(tagRE.ReplaceAllString(h," ")) }
func agree(a,b []string) float64 { m:=map[string]int{}; for _,w:=range a{m[w]++}; hit:=0; for _,w:=range b{ if m[w]>0{m[w]--;hit++}}; if len(b)==0{return 1}; return float64(hit)/float64(len(b)) }
func TestDevHTML(t *testing.T){
 files,_:=filepath.Glob("/tmp/rtfx/out/*.lzfu")
 kinds:=map[Kind]int{}
 os.MkdirAll("/tmp/rtfx/html",0755)
 for _,f:=range files{ v,_:=os.ReadFile(f); raw,_:=io.ReadAll(NewReader(bytes.NewReader(v)))
  base:=strings.TrimSuffix(f,".lzfu"); name:=filepath.Base(base)
  os.WriteFile("/tmp/rtfx/html/"+name+".rtf",raw,0644)
  var w,tx bytes.Buffer
  res,err:=ToHTML(&w,bytes.NewReader(raw),nil)
  if err!=nil{t.Log(name,err)}
  kinds[res.Kind]++
  res2,err:=ToText(&tx,bytes.NewReader(raw),nil); _=res2
  os.WriteFile("/tmp/rtfx/html/"+name+".html",w.Bytes(),0644)
  os.WriteFile("/tmp/rtfx/html/"+name+".txt",tx.Bytes(),0644)
  if res.Kind==Plain { if strings.Contains(string(raw[:min(len(raw),3000)]),"\\from"){t.Log("LATE",name)}}
  if !utf8.Valid(w.Bytes()){t.Log("INVALID",name)}
  if bytes.Contains(w.Bytes(),[]byte("\uFFFD")){t.Log("FFFD",name, bytes.Count(w.Bytes(),[]byte("\uFFFD")))}
  if len(res.Problems)>0{t.Log("PROB",name,res.Problems)}
  if len(res.Objects)>0{t.Log("OBJ",name,len(res.Objects),res.Objects[0])}
  cp:=65001
  if c,err:=os.ReadFile(base+".cp");err==nil{ for _,l:=range strings.Split(string(c),"\n"){ var a,b int; fmt.Sscanf(l,"%x %d",&a,&b); if a==0x3fde0003{cp=b}}}
  if h,err:=os.ReadFile(base+".html");err==nil&&res.Kind!=Plain{ cs,_:=codepage.Get(cp); s,_:=cs.Decode(h); a:=agree(wordsOf(textOf(w.String())),wordsOf(textOf(s))); t.Logf("HTML %.3f %s cp%d kind %v cs %q", a,name,cp,res.Kind,res.Charset); os.WriteFile("/tmp/rtfx/html/"+name+".orig.html",[]byte(s),0644) }
  if h,err:=os.ReadFile(base+".txt16");err==nil{ s:=mapi.DecodeUTF16(h); a:=agree(wordsOf(textOf(w.String())),wordsOf(s)); b:=agree(wordsOf(tx.String()),wordsOf(s));ln:=float64(len([]rune(textOf(w.String()))))/float64(max(1,len([]rune(s)))); if a<0.97||b<0.97||ln<0.95{t.Logf("TEXT html %.3f text %.3f len %.2f %s kind %v words %d", a,b,ln,name,res.Kind,len(wordsOf(s)))} ; os.WriteFile("/tmp/rtfx/html/"+name+".orig.txt",[]byte(s),0644)}
 }
 t.Log(kinds)
}
